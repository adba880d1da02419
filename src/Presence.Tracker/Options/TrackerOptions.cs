namespace Presence.Tracker;

/// <summary>How one tracker replicates. Times are real durations on a monotonic clock.</summary>
/// <remarks>The names and rules are those of Phoenix.Tracker; what differs is said at the property.</remarks>
public sealed class TrackerOptions
{
    /// <summary>Time between heartbeats' chances. Default 1500 ms. Changes do not wait for it: see <see cref="DeltaDelay"/>.</summary>
    public TimeSpan BroadcastPeriod { get; set; } = TimeSpan.FromMilliseconds(1500);

    /// <summary>Broadcast periods without a change after which an empty heartbeat is sent. Default 10, at least 1.</summary>
    public int MaxSilentPeriods { get; set; } = 10;

    /// <summary>
    /// Silence after which a member is held as down and its presences leave. Default
    /// <see cref="BroadcastPeriod"/> x <see cref="MaxSilentPeriods"/> x 2; at least twice <see cref="BroadcastPeriod"/>.
    /// One and a half <see cref="BroadcastPeriod"/>s in silence make the shard ask the member directly, once per period; one that
    /// answers is not down. Four asks in a row without an answer hold it as down at once, but not before a fifth of this.
    /// </summary>
    public TimeSpan? DownPeriod { get; set; }

    /// <summary>Silence after which a member is forgotten. Default 20 min; longer than <see cref="DownPeriod"/>.</summary>
    public TimeSpan PermDownPeriod { get; set; } = TimeSpan.FromMinutes(20);

    /// <summary>Broadcast periods between two comparisons of what others know. Default 2, at least 1.</summary>
    public int ClockSamplePeriods { get; set; } = 2;

    /// <summary>
    /// Sizes of the generations of remembered removals, ascending. Default 100, 1000, 10000. A peer whose gap reaches
    /// no further back than the largest is told the removals it missed; beyond that, all dead intervals.
    /// </summary>
    public IReadOnlyList<int> MaxDeltaSizes { get; set; } = [100, 1000, 10_000];

    /// <summary>Shards of the tracker; must be equal on all members, which otherwise refuse each other. Default 1.</summary>
    public int PoolSize { get; set; } = 1;

    /// <summary>
    /// How long changes are gathered after the first one of a quiet shard left at once. Default 20 ms; zero sends
    /// each at once.
    /// </summary>
    public TimeSpan DeltaDelay { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Lowest level of the tracker's own log messages: <c>Trace</c> to <c>Critical</c>, or <c>None</c> (default).
    /// </summary>
    public string LogLevel { get; set; } = "None";

    /// <summary><see cref="DownPeriod"/> or its default.</summary>
    public TimeSpan EffectiveDownPeriod => DownPeriod ?? BroadcastPeriod * MaxSilentPeriods * 2;

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    public void Validate()
    {
        var rules = new OptionRules("Presence:Tracker:");
        rules.Require(BroadcastPeriod > TimeSpan.Zero, BroadcastPeriod, "must be positive");
        rules.Require(MaxSilentPeriods >= 1, MaxSilentPeriods, "must be at least 1");
        rules.Require(
            EffectiveDownPeriod >= BroadcastPeriod * 2,
            EffectiveDownPeriod,
            $"must be at least twice {nameof(BroadcastPeriod)} ({BroadcastPeriod})",
            nameof(DownPeriod));
        rules.Require(
            PermDownPeriod > EffectiveDownPeriod,
            PermDownPeriod,
            $"must be longer than {nameof(DownPeriod)} ({EffectiveDownPeriod})");
        rules.Require(ClockSamplePeriods >= 1, ClockSamplePeriods, "must be at least 1");
        rules.Require(PoolSize is >= 1 and <= 1024, PoolSize, "must be between 1 and 1024");
        rules.Require(DeltaDelay >= TimeSpan.Zero, DeltaDelay, "must not be negative");
        rules.Require(
            DeltaDelay <= BroadcastPeriod,
            DeltaDelay,
            $"must not be longer than {nameof(BroadcastPeriod)} ({BroadcastPeriod})");
        rules.Require(
            MaxDeltaSizes is { Count: > 0 } && MaxDeltaSizes[0] > 0 && MaxDeltaSizes.Zip(MaxDeltaSizes.Skip(1)).All(p => p.First < p.Second),
            $"[{string.Join(", ", MaxDeltaSizes ?? [])}]",
            "must be positive and ascending",
            nameof(MaxDeltaSizes));
        rules.Require(
            LogLevel is "Trace" or "Debug" or "Information" or "Warning" or "Error" or "Critical" or "None",
            LogLevel,
            "must be Trace, Debug, Information, Warning, Error, Critical or None");
    }
}

/// <summary>Sizes beyond which input is refused, in bytes of UTF-8.</summary>
public sealed class PresenceLimits
{
    /// <summary>Largest topic. Default 255.</summary>
    public int MaxTopicBytes { get; set; } = 255;

    /// <summary>Largest key. Default 255.</summary>
    public int MaxKeyBytes { get; set; } = 255;

    /// <summary>Largest metadata of one presence. Default 64 KiB.</summary>
    public int MaxMetaBytes { get; set; } = 64 * 1024;

    /// <summary>Checks that the limits make sense.</summary>
    /// <exception cref="PresenceOptionsException">A limit is not positive or beyond what a frame can carry.</exception>
    public void Validate()
    {
        var rules = new OptionRules("Presence:Limits:");
        rules.Require(MaxTopicBytes is >= 1 and <= 64 * 1024, MaxTopicBytes, "must be between 1 and 65536");
        rules.Require(MaxKeyBytes is >= 1 and <= 64 * 1024, MaxKeyBytes, "must be between 1 and 65536");
        rules.Require(MaxMetaBytes is >= 1 and <= 16 * 1024 * 1024, MaxMetaBytes, "must be between 1 and 16777216");
    }
}
