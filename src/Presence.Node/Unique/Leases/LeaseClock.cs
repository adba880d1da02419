namespace Presence.Node.Unique.Leases;

/// <summary>Measures elapsed time, including time in which the machine or the process was suspended.</summary>
/// <remarks>
/// A monotonic clock may stop while the machine is suspended, and a wall clock may be set back. The larger of the two
/// elapsed times counts: a leadership may end too early, which costs a takeover, but not too late.
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
