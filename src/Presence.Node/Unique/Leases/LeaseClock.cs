namespace Presence.Node;

/// <summary>Measures how long something lasts, time in which the machine or the program stood still included.</summary>
/// <remarks>
/// A monotonic clock may stand still while a machine is suspended, and a wall clock may be set back. The larger of both
/// elapsed times is taken: it can end a term too early, which costs a takeover, and not too late.
/// </remarks>
internal readonly struct LeaseClock
{
    private readonly TimeProvider _time;
    private readonly long _timestamp;
    private readonly DateTimeOffset _wall;

    private LeaseClock(TimeProvider time)
    {
        _time = time;
        _timestamp = time.GetTimestamp();
        _wall = time.GetUtcNow();
    }

    public TimeSpan Elapsed
    {
        get
        {
            var monotonic = _time.GetElapsedTime(_timestamp);
            var wall = _time.GetUtcNow() - _wall;
            return monotonic > wall ? monotonic : wall;
        }
    }

    public static LeaseClock Start(TimeProvider time) => new(time);
}
