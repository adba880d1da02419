namespace Presence.Channels;

/// <summary>The time in which a client's queue is more than half full, until it is a quarter full or closed.</summary>
internal sealed class Backlog(long since)
{
    /// <summary>
    /// How long senders wait for one client to catch up. Short, so that a client that never reads does not delay them.
    /// </summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void End() => _ended.TrySetResult();

    /// <summary>Waits until the client has caught up, or has had its time.</summary>
    public async Task WaitAsync(TimeProvider time)
    {
        var left = MaxWait - time.GetElapsedTime(since);
        if (left > TimeSpan.Zero && !_ended.Task.IsCompleted)
        {
            await _ended.Task.WaitAsync(left, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
