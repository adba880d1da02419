namespace Presence.SignalR;

/// <summary>
/// Lets a few connections at a time copy a long message into their pipes. A change of a large topic wakes all pushes at
/// once: the thread pool would run all of them before the transports send anything, so that the memory for the message
/// is needed once per connection, and none of it is in a cache any more when it is sent.
/// </summary>
#pragma warning disable CA1001 // No wait handle of the semaphore is used, and it lives as long as the process.
internal sealed class WriteTurns(int count)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _free = new(count);

    public Task WaitAsync() => _free.WaitAsync();

    /// <summary>
    /// Ends a turn as soon as the transport had its turn in the queue of the thread pool. Does not wait for the client,
    /// which may not read.
    /// </summary>
    public void End() => ThreadPool.UnsafeQueueUserWorkItem(static free => free.Release(), _free, preferLocal: false);
}
