using System.Diagnostics.Metrics;
using Presence.Node;

namespace Presence.Grains.Transport;

/// <summary>Why a frame was dropped.</summary>
internal enum DropReason
{
    /// <summary>The send queue was full.</summary>
    SendQueueFull,

    /// <summary>The stream or call failed.</summary>
    SendFailed,

    /// <summary>No node of that name is up, or membership does not list the sender yet.</summary>
    UnknownNode,

    /// <summary>It arrived before the transport was started or after it was stopped.</summary>
    NotListening,

    /// <summary>It arrived from a dead silo.</summary>
    DeadSender,

    /// <summary>The receiver threw an exception.</summary>
    ReceiverFailed,

    /// <summary>The sender that it names is not the silo that it came from.</summary>
    ForgedSender,

    /// <summary>It has no sender, no frames, or no shard of this silo as its target.</summary>
    Malformed,
}

/// <summary>Counts frames sent, received and dropped.</summary>
internal sealed class TransportInstruments : IDisposable
{
    private static readonly string[] ReasonNames =
    [
        "send_queue_full", "send_failed", "unknown_node", "not_listening", "dead_node", "receiver_failed",
        "forged_sender", "malformed",
    ];

    private readonly Meter _meter;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _messages;
    private readonly long[] _droppedByReason = new long[ReasonNames.Length];

    public TransportInstruments(IMeterFactory? meters = null)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.GrainsMeterName);
        _dropped = _meter.CreateCounter<long>(
            "presence.frames.dropped", "{frame}", "Frames dropped by the cluster transport.");
        _messages = _meter.CreateCounter<long>(
            "presence.replication.messages", "{message}", "Batches of frames between silos.");
    }

    public void Dropped(DropReason reason, int frames = 1)
    {
        Interlocked.Add(ref _droppedByReason[(int)reason], frames);
        _dropped.Add(frames, new KeyValuePair<string, object?>("reason", ReasonNames[(int)reason]));
    }

    public void Sent(bool byStream) => _messages.Add(
        1,
        new KeyValuePair<string, object?>("direction", "out"),
        new KeyValuePair<string, object?>("type", byStream ? "stream" : "call"));

    public void Received() => _messages.Add(1, new KeyValuePair<string, object?>("direction", "in"));

    /// <summary>Returns the number of frames dropped so far for the reason.</summary>
    public long DroppedFor(DropReason reason) => Volatile.Read(ref _droppedByReason[(int)reason]);

    public void Dispose() => _meter.Dispose();
}
