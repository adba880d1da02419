namespace Presence.TestKit;

/// <summary>
/// The monotonic clock of one start of a member: an origin of its own, and a rate that is a little wrong, as quartz is.
/// </summary>
internal sealed class MemberClock(TimeSpan startedAt, TimeSpan origin, int partsPerMillion)
{
    private const long Million = 1_000_000;

    /// <summary>What the clock shows at a virtual time.</summary>
    public TimeSpan Read(TimeSpan virtualNow)
    {
        var elapsed = (virtualNow - startedAt).Ticks;
        return origin + TimeSpan.FromTicks(elapsed + (elapsed * partsPerMillion / Million));
    }

    /// <summary>The first virtual time at which the clock shows at least <paramref name="local"/>.</summary>
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
