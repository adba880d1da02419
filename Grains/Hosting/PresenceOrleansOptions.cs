using Presence.Tracker.Options;

namespace Presence.Grains;

/// <summary>Options of presence on an Orleans silo (<c>Presence:Orleans</c>).</summary>
public sealed class PresenceOrleansOptions
{
    /// <summary>Maximum frames queued for one shard of one node; more are dropped, counted. Default 16,384.</summary>
    public int SendQueueCapacity { get; set; } = 16_384;

    /// <summary>Maximum bytes queued for one shard of one node, at least 1,024; also counted. Default 32 MiB.</summary>
    public long SendQueueMaxBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// Maximum bytes of a batch of frames, 1,024 to 524,288; a larger frame is alone. Default 262,144.
    /// </summary>
    public int BatchBytes { get; set; } = 256 * 1024;

    /// <summary>Time after which a batch of frames counts as lost. Default 3 s.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Time without a renewal after which a grain-tracked presence, or an observer subscription, ends. Default 30 s, at
    /// least 1 s. A disconnected client leaves after this time.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Time for which a grain-tracked presence whose silo stops or fails stays, so that its client continues it on
    /// another silo and nobody sees a leave and a join. Default 0: it leaves at once. At most 24 h; 10 s is enough for
    /// an <see cref="IPresenceClient"/>. Adds some bytes to each presence.
    /// </summary>
    public TimeSpan LeaseGrace { get; set; }

    /// <summary>
    /// Time for which the presences of a grain stay when it is deactivated, so that its next activation continues them
    /// (<see cref="GrainPresence.ResumePresenceAsync"/>). Default 0: they leave at once. At most 24 h.
    /// </summary>
    public TimeSpan GrainGrace { get; set; }

    /// <summary>Maximum number of leases on one silo; more are rejected. Default 1,000,000.</summary>
    public int MaxLeases { get; set; } = 1_000_000;

    /// <summary>Maximum number of observer subscriptions on one silo; more are rejected. Default 100,000.</summary>
    public int MaxObservers { get; set; } = 100_000;

    /// <summary>Maximum topics with stream subscribers in the cluster; more are rejected. Default 100,000.</summary>
    public int MaxFollowedTopics { get; set; } = 100_000;

    /// <summary>
    /// Maximum number of changes that wait for an observer, behind the diff that is being sent to it; then it is cut
    /// off. Default 10,000.
    /// </summary>
    /// <remarks>A single diff has any size: the end of a node may end more presences of a topic at once.</remarks>
    public int ObserverQueueCapacity { get; set; } = 10_000;

    /// <summary>Maximum duration of a call to an observer before it is cut off. Default 10 s.</summary>
    public TimeSpan ObserverTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether changes are published on the Orleans streams <c>presence.diffs</c>. Default true. Only topics whose
    /// streams have subscribers are published. Observers do not need this.
    /// </summary>
    public bool TopicStreams { get; set; } = true;

    /// <summary>
    /// In available mode: time without a report from a node on a live silo after which another node runs the unique
    /// process. Nodes report every third of it. Default 15 s, at least 1 s.
    /// </summary>
    public TimeSpan UniqueLease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// A secret that all silos of the cluster share: base64 of at least 32 bytes, or a text of at least 32 bytes. With
    /// it, the grains by which silos replicate accept calls from silos only. Default null: from anyone who can reach a
    /// silo or a gateway. Must be known when <c>AddPresence</c> is called: from its configuration, or set by the
    /// argument of <c>AddPresence</c>.
    /// </summary>
    public string? ClusterKey { get; set; }

    /// <summary>Validates the options.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:Orleans:");
        rules.Require(SendQueueCapacity >= 1, SendQueueCapacity, "must be at least 1");
        rules.Require(SendQueueMaxBytes >= 1024, SendQueueMaxBytes, "must be at least 1024");
        rules.Require(BatchBytes is >= 1024 and <= 512 * 1024, BatchBytes, "must be 1024 to 524288");
        rules.RequireWait(CallTimeout > TimeSpan.Zero, CallTimeout, "must be positive");
        rules.RequireWait(LeaseDuration >= TimeSpan.FromSeconds(1), LeaseDuration, "must be at least 1 s");
        rules.Require(
            LeaseGrace >= TimeSpan.Zero && LeaseGrace <= Node.PresenceSessionOptions.MaxGrace,
            LeaseGrace,
            "must be 0 to 24 h");
        rules.Require(
            GrainGrace >= TimeSpan.Zero && GrainGrace <= Node.PresenceSessionOptions.MaxGrace,
            GrainGrace,
            "must be 0 to 24 h");
        rules.Require(MaxLeases >= 1, MaxLeases, "must be at least 1");
        rules.Require(MaxObservers >= 1, MaxObservers, "must be at least 1");
        rules.Require(MaxFollowedTopics >= 1, MaxFollowedTopics, "must be at least 1");
        rules.Require(ObserverQueueCapacity >= 1, ObserverQueueCapacity, "must be at least 1");
        rules.RequireWait(ObserverTimeout > TimeSpan.Zero, ObserverTimeout, "must be positive");
        rules.Require(
            ClusterKey is null || Security.ClusterKey.Parse(ClusterKey) is not null,
            "too short",
            $"must have at least {Security.ClusterKey.MinBytes} bytes",
            nameof(ClusterKey));
        rules.RequireWait(UniqueLease >= TimeSpan.FromSeconds(1), UniqueLease, "must be at least 1 s");
    }
}
