using System.Diagnostics;
using System.Diagnostics.Metrics;
using Presence.Node.PubSub;
using Presence.Node.Telemetry;
using Presence.Tracker;

namespace Presence.Node.Hosting;

/// <summary>The meter <c>Presence.Tracker</c>. No topic, key or user is ever a tag.</summary>
internal sealed class NodeInstruments : IDisposable
{
    // In the order of PresenceChangeKind.
    private static readonly string[] Kinds = ["joined", "updated", "left"];

    private readonly RateLimitedLogger _handlerLog = new(TimeProvider.System, burst: 10);
    private readonly Meter _meter;
    private readonly SlowConsumers? _slow;
    private readonly Counter<long> _messages;
    private readonly Counter<long> _size;
    private readonly Counter<long> _changes;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _repairs;
    private readonly Counter<long> _handlerFailures;
    private readonly Counter<long> _inputFailures;
    private readonly Counter<long> _overloads;
    private readonly Counter<long> _messagesRejected;
    private readonly Counter<long> _coalesced;
    private readonly Counter<long> _sent;
    private readonly Counter<long> _summaries;
    private readonly Counter<long> _invalidSummaries;
    private readonly UpDownCounter<int> _views;
    private readonly Histogram<double> _merge;
    private readonly Histogram<double> _synchronization;

    public NodeInstruments(
        Func<IEnumerable<Measurement<int>>> entries, Func<IEnumerable<Measurement<int>>> replicas, Func<double> lag,
        Func<IEnumerable<Measurement<int>>> sessions, Func<int> heldLeaves, SlowConsumers? slow = null,
        IMeterFactory? meters = null)
    {
        _slow = slow;
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.TrackerMeterName);
        Counter<long> Count(string name, string unit, string description) =>
            _meter.CreateCounter<long>($"presence.{name}", unit, description);

        _messages = Count("replication.messages", "{message}", "Frames between nodes");
        _size = Count("replication.size", "By", "Bytes of frames between nodes");
        _changes = Count("tracker.changes", "{change}", "Joins, updates and leaves that this node has shown, by kind");
        _dropped = Count("frames.dropped", "{frame}", "Frames that were not applied, by reason");
        _repairs = Count("repairs", "{repair}", "Repairs requested and sent");
        _handlerFailures = Count("handler.failures", "{failure}", "Exceptions of handlers and subscribers");
        _inputFailures = Count("shard.failures", "{failure}", "Commands and frames that threw");
        _overloads = Count("mailbox.rejected", "{command}", "Commands rejected by a full mailbox");
        _messagesRejected = Count("handler.rejected", "{message}", "Messages rejected by a full handler queue");
        _coalesced = Count("handler.coalesced", "{time}", "Times a handler or subscriber lagged");
        _sent = Count("messages.sent", "{message}", "Messages to the sessions of a key, by result");
        _summaries = Count("counts_only.summaries", "{summary}", "Summaries of counts-only topics sent");
        _invalidSummaries = Count("counts_only.invalid", "{summary}", "Summaries of other nodes that were ignored");
        _views = _meter.CreateUpDownCounter<int>("presence.views", "{view}", "Different views of topics in use");
        _merge = _meter.CreateHistogram(
            "presence.merge.duration", "s", "Time to apply one frame", advice: PresenceTelemetry.DurationAdvice);
        _synchronization = _meter.CreateHistogram(
            "presence.synchronization.duration", "s", "Time until a starting node had the presences of the others",
            advice: PresenceTelemetry.DurationAdvice);
        _meter.CreateObservableGauge("presence.tracker.entries", entries, "{entry}", "Presences visible on this node");
        _meter.CreateObservableGauge("presence.tracker.replicas", replicas, "{replica}", "Remote replicas, by status");
        _meter.CreateObservableGauge("presence.sessions.resumable", sessions, "{session}", "Sessions with a grace");
        _meter.CreateObservableGauge("presence.leaves.held", heldLeaves, "{entry}", "Leaves that may have a successor");
        _meter.CreateObservableGauge("presence.replication.lag", lag, "s", "Age of the oldest missing change");
    }

    /// <summary>Reports the messages that wait for subscribers.</summary>
    public void Observe(ClusterPubSub pubSub) => _meter.CreateObservableUpDownCounter(
        "presence.pubsub.waiting", () => pubSub.WaitingBytes, "By", "Bytes of pub/sub messages that wait");

    /// <summary>Reports the watches of keys, and their keys.</summary>
    public void ObserveKeyWatches(Func<int> watches, Func<int> edges)
    {
        _meter.CreateObservableGauge("presence.key_watches", watches, "{watch}", "Watches of keys");
        _meter.CreateObservableGauge("presence.key_watch.edges", edges, "{edge}", "Keys of all watches");
    }

    /// <summary>Reports the lanes of other pool sizes that this node reads.</summary>
    public void ObserveReaders(Func<int> lanes) => _meter.CreateObservableGauge(
        "presence.lanes.read", lanes, "{lane}", "Lanes of nodes with another PoolSize that this node reads");

    /// <summary>Reports the counts-only topics, and this node's presences in them.</summary>
    public void ObserveCountsOnly(Func<int> topics, Func<int> entries)
    {
        _meter.CreateObservableGauge("presence.counts_only.topics", topics, "{topic}", "Counts-only topics in use");
        _meter.CreateObservableGauge(
            "presence.counts_only.entries", entries, "{entry}", "Presences of counts-only topics of this node");
    }

    public bool IsMeter(Meter meter) => ReferenceEquals(meter, _meter);

    /// <summary>Counts changes that became visible on this node, whichever node owns the presences.</summary>
    public void Changed(List<PresenceChange> changes)
    {
        if (!_changes.Enabled)
        {
            return;
        }

        Span<int> counts = stackalloc int[Kinds.Length];
        foreach (var change in changes)
        {
            counts[(int)change.Kind]++;
        }

        for (var kind = 0; kind < counts.Length; kind++)
        {
            if (counts[kind] > 0)
            {
                _changes.Add(counts[kind], new KeyValuePair<string, object?>("kind", Kinds[kind]));
            }
        }
    }

    public void Sent(string type, int bytes) => Count(type, "out", bytes);

    public void Received(string type, int bytes) => Count(type, "in", bytes);

    public void Dropped(string reason) => _dropped.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Repair(string kind) => _repairs.Add(1, new KeyValuePair<string, object?>("kind", kind));

    /// <summary>Counts an exception of a handler or subscriber, which what clients do may cause.</summary>
    /// <returns>Whether to log it.</returns>
    public bool HandlerFailed(out long count)
    {
        _handlerFailures.Add(1);
        return _handlerLog.IsDue("handler", out count);
    }

    public void InputFailed() => _inputFailures.Add(1);

    public void Overloaded() => _overloads.Add(1);

    public void ViewsChanged(int by) => _views.Add(by);

    public void SummarySent() => _summaries.Add(1);

    public void SummaryInvalid() => _invalidSummaries.Add(1);

    public void MessageRejected() => _messagesRejected.Add(1);

    /// <summary>Counts that a handler or subscriber did not keep up.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">Its type or topic.</param>
    public void Coalesced(SlowConsumerKind kind, string name)
    {
        _coalesced.Add(1);
        _slow?.Report(kind, name, "changes were coalesced");
    }

    public void SentToKey(SendToKeyResult result)
    {
        var name = result switch
        {
            SendToKeyResult.Accepted => "accepted",
            SendToKeyResult.NotPresent => "not_present",
            _ => "not_accepted",
        };
        _sent.Add(1, new KeyValuePair<string, object?>("result", name));
    }

    public void Merged(TimeSpan duration) => _merge.Record(duration.TotalSeconds);

    public void Synchronized(TimeSpan duration, bool isComplete) => _synchronization.Record(
        duration.TotalSeconds, new KeyValuePair<string, object?>("complete", isComplete));

    public void Dispose() => _meter.Dispose();

    private void Count(string type, string direction, int bytes)
    {
        var tags = new TagList { { "type", type }, { "direction", direction } };
        _messages.Add(1, tags);
        _size.Add(bytes, tags);
    }
}
