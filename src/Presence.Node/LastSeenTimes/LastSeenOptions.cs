using Presence.Tracker.Options;

namespace Presence.Node;

/// <summary>Options of <c>AddPresenceLastSeen</c> (section <c>Presence:LastSeen</c>).</summary>
public sealed class LastSeenOptions
{
    /// <summary>
    /// Gets or sets the maximum number of keys in the memory of a node; beyond it the oldest are forgotten. Default
    /// 100,000; at least 1. A store of your own is not limited by it.
    /// </summary>
    public int MaxKeys { get; set; } = 100_000;

    /// <summary>Gets or sets how long a time is kept. Default 90 days; at least 1 s, at most 10,000 days.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(90);

    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:LastSeen:");
        rules.Require(MaxKeys >= 1, MaxKeys, "must be at least 1");
        rules.Require(
            Retention >= TimeSpan.FromSeconds(1) && Retention <= TimeSpan.FromDays(10_000),
            Retention,
            "must be 1 s to 10,000 days");
    }
}
