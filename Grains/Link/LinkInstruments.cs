using System.Diagnostics.Metrics;

namespace Presence.Grains.Link;

/// <summary>Why a frame did not get through.</summary>
internal enum DropReason
{
    /// <summary>The queue for its destination was full.</summary>
    OutboxFull,

    /// <summary>Neither stream nor call could carry it.</summary>
    SendFailed,

    /// <summary>No living member of that name is known.</summary>
    UnknownMember,

    /// <summary>It arrived before the link was started or after it was stopped.</summary>
    NotListening,

    /// <summary>It arrived from a silo that is dead.</summary>
    DeadSender,

    /// <summary>Whoever receives frames here threw at it.</summary>
    ReceiverFailed,
}

/// <summary>What the link counts: frames sent, received and dropped.</summary>
internal sealed class LinkInstruments : IDisposable
{
    private static readonly string[] ReasonNames =
        ["outbox_full", "send_failed", "unknown_member", "not_listening", "dead_sender", "receiver_failed"];

    private readonly Meter _meter = new("Presence.Grains");
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _messages;
    private readonly long[] _droppedByReason = new long[ReasonNames.Length];

    public LinkInstruments()
    {
        _dropped = _meter.CreateCounter<long>(
            "presence.frames.dropped", "{frame}", "Frames that an engine could not carry; the CRDT repairs them.");
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

    /// <summary>Frames dropped so far for the reason.</summary>
    public long DroppedFor(DropReason reason) => Volatile.Read(ref _droppedByReason[(int)reason]);

    public void Dispose() => _meter.Dispose();
}
