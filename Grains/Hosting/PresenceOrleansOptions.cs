namespace Presence.Grains;

/// <summary>How deltas travel between silos.</summary>
public enum DeltaTransport
{
    /// <summary>Orleans streams, with grain calls where a stream fails. The default.</summary>
    Streams,

    /// <summary>Grain calls alone: less latency and no polling, at the cost of a call per destination and batch.</summary>
    Calls,
}

/// <summary>Presence on Orleans: how silos reach each other, and how long what clients tracked lives unrenewed.</summary>
public sealed class PresenceOrleansOptions
{
    /// <summary>How deltas travel. Default <see cref="DeltaTransport.Streams"/>.</summary>
    public DeltaTransport Transport { get; set; } = DeltaTransport.Streams;

    /// <summary>Name of the stream provider that carries deltas. Default <c>presence.deltas</c>.</summary>
    public string StreamProvider { get; set; } = "presence.deltas";

    /// <summary>
    /// How often a silo looks into its queue of deltas. Default 10 ms, at least 1 ms; a shorter one costs CPU when idle
    /// and saves half of itself per change. Kernels with a 250 Hz timer round it up to 4 ms.
    /// </summary>
    public TimeSpan PollPeriod { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Frames that may wait for one shard of one member; more are dropped and counted. Default 16,384.</summary>
    public int OutboxFrames { get; set; } = 16_384;

    /// <summary>Bytes that may wait for one shard of one member; more are dropped and counted. Default 32 MiB.</summary>
    public long OutboxBytes { get; set; } = 32 * 1024 * 1024;

    /// <summary>
    /// Most bytes that travel together. Default 256 KiB, at most 512 KiB: a memory stream cannot carry an event of 1 MiB.
    /// A larger single frame goes by grain call.
    /// </summary>
    public int BatchBytes { get; set; } = 256 * 1024;

    /// <summary>Time after which a stream that has not taken a batch counts as failing. Default 500 ms.</summary>
    public TimeSpan StreamTimeout { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long grain calls stand in for a stream that failed. Default 5 s.</summary>
    public TimeSpan Detour { get; set; } = TimeSpan.FromSeconds(5);

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

    /// <summary>Changes an observer may lag behind before it is cut off. Default 10,000.</summary>
    public int ObserverBacklog { get; set; } = 10_000;

    /// <summary>Time an observer may take for one call before it is cut off. Default 10 s.</summary>
    public TimeSpan ObserverTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether changes are told on the Orleans streams <c>presence.diffs</c>. Default true. Costs a stream per topic;
    /// observers do not need it.
    /// </summary>
    public bool DiffStreams { get; set; } = true;

    /// <summary>
    /// How long the grain counts on a member whose silo lives and that it does not hear: after this another runs the unique process, in
    /// available mode. Members are heard every third of it. Default 15 s, at least 1 s.
    /// </summary>
    public TimeSpan UniqueLease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// The fast profile: deltas travel as grain calls alone, so no change waits for a queue to be looked into, and
    /// nothing is polled for them when idle.
    /// </summary>
    public PresenceOrleansOptions UseFastProfile()
    {
        Transport = DeltaTransport.Calls;
        return this;
    }

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="ArgumentException">A value breaks a rule; the message names option, value and rule.</exception>
    public void Validate()
    {
        Require(!string.IsNullOrWhiteSpace(StreamProvider), nameof(StreamProvider), StreamProvider, "must not be empty");
        Require(PollPeriod >= TimeSpan.FromMilliseconds(1), nameof(PollPeriod), PollPeriod, "must be at least 1 ms");
        Require(OutboxFrames >= 1, nameof(OutboxFrames), OutboxFrames, "must be at least 1");
        Require(OutboxBytes >= 1024, nameof(OutboxBytes), OutboxBytes, "must be at least 1024");
        Require(BatchBytes is >= 1024 and <= 512 * 1024, nameof(BatchBytes), BatchBytes, "must be 1024 to 524288");
        Require(StreamTimeout > TimeSpan.Zero, nameof(StreamTimeout), StreamTimeout, "must be positive");
        Require(CallTimeout > TimeSpan.Zero, nameof(CallTimeout), CallTimeout, "must be positive");
        Require(LeaseDuration >= TimeSpan.FromSeconds(1), nameof(LeaseDuration), LeaseDuration, "must be at least 1 s");
        Require(MaxLeases >= 1, nameof(MaxLeases), MaxLeases, "must be at least 1");
        Require(MaxObservers >= 1, nameof(MaxObservers), MaxObservers, "must be at least 1");
        Require(ObserverBacklog >= 1, nameof(ObserverBacklog), ObserverBacklog, "must be at least 1");
        Require(ObserverTimeout > TimeSpan.Zero, nameof(ObserverTimeout), ObserverTimeout, "must be positive");
        Require(UniqueLease >= TimeSpan.FromSeconds(1), nameof(UniqueLease), UniqueLease, "must be at least 1 s");
        Require(Detour >= TimeSpan.Zero, nameof(Detour), Detour, "must not be negative");
    }

    private static void Require(bool holds, string option, object value, string rule)
    {
        if (!holds)
        {
            throw new ArgumentException($"Presence:Orleans:{option} is '{value}': it {rule}.");
        }
    }
}
