namespace Presence.Node.Shards;

/// <summary>A timer for the earliest due time, re-armed only when something becomes due earlier.</summary>
internal sealed class ShardTimer : IDisposable
{
    private static readonly TimeSpan Never = TimeSpan.MaxValue;

    private readonly ITimer _timer;
    private TimeSpan _armed = Never;

    public ShardTimer(TimeProvider time, Action fire) => _timer =
        time.CreateTimer(static fire => ((Action)fire!)(), fire, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    public bool IsLaterThan(TimeSpan due) => due < _armed;

    public void Arm(TimeSpan due, TimeSpan now)
    {
        if (due < _armed)
        {
            _armed = due;
            // Rounded up: a timer that fires a little early would find nothing due.
            var wait = TimeSpan.FromMilliseconds(Math.Ceiling(Math.Max(0, (due - now).TotalMilliseconds)));
            _timer.Change(wait, Timeout.InfiniteTimeSpan);
        }
    }

    public void Fired() => _armed = Never;

    public void Dispose() => _timer.Dispose();
}
