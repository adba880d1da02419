namespace Presence.Channels.Transport;

/// <summary>
/// The time in which more than a part of a client's queue is full, until it is half of that or closed.
/// </summary>
internal sealed class Backlog(int part, long since)
{
    /// <summary>Senders wait for a client whose queue is more than half full.</summary>
    public const int OfOthers = 2;

    /// <summary>A client waits itself while more than an eighth of its queue is full.</summary>
    public const int OfItself = 8;

    /// <summary>
    /// How long senders wait for one client to catch up. Short, so that a client that never reads does not delay them.
    /// </summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Gets the part of the queue: a half, or an eighth.</summary>
    public int Part => part;

    public void End() => _ended.TrySetResult();

    /// <summary>Waits until the client has caught up, at most <see cref="MaxWait"/> each time.</summary>
    public async Task WaitAgainAsync(TimeProvider time) => await _ended.Task.WaitAsync(MaxWait, time)
        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

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
