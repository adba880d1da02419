using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Presence.Node;

/// <summary>The meter <c>Presence.Tracker</c>: what an operator watches. No topic, key or user is ever a tag.</summary>
internal sealed class NodeInstruments : IDisposable
{
    private readonly Meter _meter = new("Presence.Tracker");
    private readonly Counter<long> _messages;
    private readonly Counter<long> _size;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _transfers;
    private readonly Counter<long> _handlerFailures;
    private readonly Counter<long> _inputFailures;
    private readonly Counter<long> _overloads;
    private readonly Counter<long> _messagesRefused;
    private readonly Counter<long> _condensed;
    private readonly Histogram<double> _merge;

    public NodeInstruments(Func<IEnumerable<Measurement<int>>> entries, Func<IEnumerable<Measurement<int>>> replicas, Func<double> lag)
    {
        _messages = _meter.CreateCounter<long>("presence.replication.messages", "{message}", "Frames between members");
        _size = _meter.CreateCounter<long>("presence.replication.size", "By", "Bytes of frames between members");
        _dropped = _meter.CreateCounter<long>("presence.frames.dropped", "{frame}", "Frames that were not applied, by reason");
        _transfers = _meter.CreateCounter<long>("presence.transfers", "{transfer}", "Repairs asked for and sent");
        _handlerFailures = _meter.CreateCounter<long>("presence.handler.failures", "{failure}", "Exceptions of handlers and subscribers");
        _inputFailures = _meter.CreateCounter<long>("presence.shard.failures", "{failure}", "Inputs and frames at which a shard or its link failed");
        _overloads = _meter.CreateCounter<long>("presence.mailbox.refused", "{command}", "Commands refused because a mailbox was full");
        _messagesRefused = _meter.CreateCounter<long>("presence.handler.refused", "{message}", "Messages refused because a handler's queue was full");
        _condensed = _meter.CreateCounter<long>("presence.handler.condensed", "{time}", "Times a handler or subscriber fell so far behind that diffs were condensed");
        _merge = _meter.CreateHistogram<double>("presence.merge.duration", "s", "Time to take one frame");
        _meter.CreateObservableGauge("presence.tracker.entries", entries, "{entry}", "Presences shown by this member");
        _meter.CreateObservableGauge("presence.tracker.replicas", replicas, "{replica}", "Other replicas held, by status");
        _meter.CreateObservableGauge("presence.replication.lag", lag, "s", "Age of the oldest change known to be missing here");
    }

    public void Sent(string type, int bytes) => Count(type, "out", bytes);

    public void Received(string type, int bytes) => Count(type, "in", bytes);

    public void Dropped(string reason) => _dropped.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Transfer(string kind) => _transfers.Add(1, new KeyValuePair<string, object?>("kind", kind));

    public void HandlerFailed() => _handlerFailures.Add(1);

    public void InputFailed() => _inputFailures.Add(1);

    public void Overloaded() => _overloads.Add(1);

    public void MessageRefused() => _messagesRefused.Add(1);

    public void Condensed() => _condensed.Add(1);

    public void Merged(TimeSpan duration) => _merge.Record(duration.TotalSeconds);

    public void Dispose() => _meter.Dispose();

    private void Count(string type, string direction, int bytes)
    {
        var tags = new TagList { { "type", type }, { "direction", direction } };
        _messages.Add(1, tags);
        _size.Add(bytes, tags);
    }
}
