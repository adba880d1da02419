namespace Presence.TestKit.Time;

/// <summary>The monotonic clock of one start of a node, with an individual origin and drift.</summary>
internal sealed class NodeClock(TimeSpan startedAt, TimeSpan origin, int partsPerMillion)
{
    private const long Million = 1_000_000;

    /// <summary>Returns the local time at a virtual time.</summary>
    public TimeSpan Read(TimeSpan virtualNow)
    {
        var elapsed = (virtualNow - startedAt).Ticks;
        return origin + TimeSpan.FromTicks(elapsed + (elapsed * partsPerMillion / Million));
    }

    /// <summary>Returns the first virtual time at which the clock is at least <paramref name="local"/>.</summary>
    public TimeSpan WhenShows(TimeSpan local)
    {
        var wanted = Math.Max(0, (local - origin).Ticks);
        var at = startedAt + TimeSpan.FromTicks(wanted * Million / (Million + partsPerMillion));
        while (Read(at) < local)
        {
            at += TimeSpan.FromTicks(1);
        }

        return at;
    }
}
