namespace Presence.Node.Tests.Support;

/// <summary>
/// A fake clock whose time of day can be set without its timestamps, which <c>AdjustTime</c> moves too. It records the
/// due times of its timers, so that a test can wait for a timer.
/// </summary>
internal sealed class MachineClock : TestTime
{
    /// <summary>Gets or sets by how much the time of day was set forward.</summary>
    public TimeSpan SetForward { get; set; }

    public Awaited<TimeSpan> DueTimes { get; } = new();

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + SetForward;

    public override long GetTimestamp() => base.GetUtcNow().Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        DueTimes.Add(dueTime);
        return timer;
    }
}
