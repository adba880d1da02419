namespace Presence.Grains.Link;

/// <summary>How deltas travel between silos.</summary>
public enum DeltaTransport
{
    /// <summary>Orleans streams, with grain calls where a stream fails. The default.</summary>
    Streams,

    /// <summary>Grain calls alone: less latency and no polling, at the cost of a call per destination and batch.</summary>
    Calls,
}

/// <summary>How frames are carried between silos.</summary>
public sealed class OrleansLinkOptions
{
    /// <summary>How deltas travel. Default <see cref="DeltaTransport.Streams"/>.</summary>
    public DeltaTransport Transport { get; set; } = DeltaTransport.Streams;

    /// <summary>Name of the stream provider that carries deltas. Default <c>presence</c>.</summary>
    public string StreamProvider { get; set; } = "presence";

    /// <summary>Frames that may wait for one shard of one member; more are dropped and counted. Default 4096.</summary>
    public int OutboxFrames { get; set; } = 4096;

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

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="ArgumentException">A value breaks a rule; the message names option, value and rule.</exception>
    public void Validate()
    {
        Require(!string.IsNullOrWhiteSpace(StreamProvider), nameof(StreamProvider), StreamProvider, "must not be empty");
        Require(OutboxFrames >= 1, nameof(OutboxFrames), OutboxFrames, "must be at least 1");
        Require(OutboxBytes >= 1024, nameof(OutboxBytes), OutboxBytes, "must be at least 1024");
        Require(BatchBytes is >= 1024 and <= 512 * 1024, nameof(BatchBytes), BatchBytes, "must be 1024 to 524288");
        Require(StreamTimeout > TimeSpan.Zero, nameof(StreamTimeout), StreamTimeout, "must be positive");
        Require(CallTimeout > TimeSpan.Zero, nameof(CallTimeout), CallTimeout, "must be positive");
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
