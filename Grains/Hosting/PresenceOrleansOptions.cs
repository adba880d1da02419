using Presence.Tracker;

namespace Presence.Grains;

/// <summary>
/// Presence on Orleans (<c>Presence:Orleans</c>): how silos reach each other, and how long leases last.
/// </summary>
public sealed class PresenceOrleansOptions
{
    /// <summary>Frames that may wait for one shard of one member; more are dropped and counted. Default 16,384.</summary>
    public int OutboxFrames { get; set; } = 16_384;

    /// <summary>Bytes that may wait for one shard of one member; more are dropped and counted. Default 32 MiB.</summary>
    public long OutboxBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// Maximum size of the frames that travel in one batch, in bytes. Default 262,144 (256 KiB), 1,024 to 524,288. A larger
    /// single frame travels alone.
    /// </summary>
    public int BatchBytes { get; set; } = 256 * 1024;

    /// <summary>Time after which frames sent by a grain call count as lost. Default 3 s.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long what was tracked through a grain lives without a renewal. Default 30 s, at least 1 s. A client that is
    /// cut off is seen leaving after this long.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Leases one silo keeps; a further one is refused. Default 1,000,000.</summary>
    public int MaxLeases { get; set; } = 1_000_000;

    /// <summary>Subscriptions of observers one silo keeps; a further one is refused. Default 100,000.</summary>
    public int MaxObservers { get; set; } = 100_000;

    /// <summary>Topics whose streams may have subscribers at one time, in the cluster; a further one is refused. Default 100,000.</summary>
    public int MaxFollowedTopics { get; set; } = 100_000;

    /// <summary>Changes an observer may lag behind before it is cut off. Default 10,000.</summary>
    public int ObserverBacklog { get; set; } = 10_000;

    /// <summary>Time an observer may take for one call before it is cut off. Default 10 s.</summary>
    public TimeSpan ObserverTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether changes are published on the Orleans streams <c>presence.diffs</c>. Default true. Only topics whose streams have
    /// subscribers are published; observers do not need it.
    /// </summary>
    public bool DiffStreams { get; set; } = true;

    /// <summary>
    /// How long the grain counts on a member whose silo lives and that it does not hear: after this another runs the unique process, in
    /// available mode. Members are heard every third of it. Default 15 s, at least 1 s.
    /// </summary>
    public TimeSpan UniqueLease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    public void Validate()
    {
        var rules = new OptionRules("Presence:Orleans:");
        rules.Require(OutboxFrames >= 1, OutboxFrames, "must be at least 1");
        rules.Require(OutboxBytes >= 1024, OutboxBytes, "must be at least 1024");
        rules.Require(BatchBytes is >= 1024 and <= 512 * 1024, BatchBytes, "must be 1024 to 524288");
        rules.Require(CallTimeout > TimeSpan.Zero, CallTimeout, "must be positive");
        rules.Require(LeaseDuration >= TimeSpan.FromSeconds(1), LeaseDuration, "must be at least 1 s");
        rules.Require(MaxLeases >= 1, MaxLeases, "must be at least 1");
        rules.Require(MaxObservers >= 1, MaxObservers, "must be at least 1");
        rules.Require(MaxFollowedTopics >= 1, MaxFollowedTopics, "must be at least 1");
        rules.Require(ObserverBacklog >= 1, ObserverBacklog, "must be at least 1");
        rules.Require(ObserverTimeout > TimeSpan.Zero, ObserverTimeout, "must be positive");
        rules.Require(UniqueLease >= TimeSpan.FromSeconds(1), UniqueLease, "must be at least 1 s");
    }
}
