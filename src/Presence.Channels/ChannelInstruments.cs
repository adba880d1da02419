using System.Diagnostics.Metrics;
using System.Text.Json;
using Presence.Channels.Runtime;
using Presence.Node;

namespace Presence.Channels;

/// <summary>Meter <c>Presence.Channels</c>. No topic, key or user is ever a tag.</summary>
internal sealed class ChannelInstruments
{
    public const string MeterName = "Presence.Channels";

    private readonly Meter _meter;
    private readonly UpDownCounter<long> _sockets;
    private readonly UpDownCounter<long> _channels;
    private readonly UpDownCounter<long> _counting;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _throttled;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _broadcasts;
    private readonly Counter<long> _diffs;
    private readonly Counter<long> _resumes;
    private readonly Counter<long> _cursors;
    private readonly Histogram<double> _handling;
    private readonly Histogram<double> _sending;
    private readonly TimeProvider _time;

    public ChannelInstruments(IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        var meter = _meter = meters.Create(MeterName);
        _sockets = meter.CreateUpDownCounter<long>("presence.sockets", "{socket}", "Sockets connected to this node.");
        _channels = meter.CreateUpDownCounter<long>("presence.channels", "{channel}", "Channels joined on this node.");
        _counting = meter.CreateUpDownCounter<long>(
            "presence.channel.topics.counting", "{topic}", "Topics whose channels receive counts instead of members.");
        _dropped = Counter("presence.frames.dropped", "{frame}", "Frames and messages dropped, by reason.");
        _closed = Counter("presence.sockets.closed", "{socket}", "Sockets closed by this node, by reason.");
        _rejected = Counter("presence.sockets.rejected", "{socket}", "Connections rejected, by reason.");
        _throttled = Counter("presence.sockets.throttled", "{read}", "Reads delayed, by reason.");
        _tokens = Counter("presence.tokens.rejected", "{token}", "Tokens rejected, by reason.");
        _failures = Counter("presence.channel.failures", "{channel}", "Exceptions of sockets and channels, by place.");
        _broadcasts = Counter("presence.broadcasts", "{message}", "Broadcasts delivered to channels of this node.");
        _diffs = Counter("presence.channel.diffs", "{message}", "presence_diff messages encoded on this node.");
        _resumes = Counter("presence.sessions.resumes", "{session}", "Joins that requested to resume, by outcome.");
        _cursors = Counter("presence.cursors", "{cursor}", "Cursors of clients that joined again, by outcome.");
        _handling = meter.CreateHistogram(
            "presence.channel.message.duration", "s", "Time from the arrival of a message until it was handled.",
            advice: PresenceTelemetry.DurationAdvice);
        _sending = meter.CreateHistogram(
            "presence.send.duration", "s", "Time that a frame waited for its client, and was written.",
            advice: PresenceTelemetry.DurationAdvice);

        Counter<long> Counter(string name, string unit, string description) =>
            meter.CreateCounter<long>(name, unit, description);
    }

    /// <summary>Reports the bytes that wait for or from clients.</summary>
    public void Observe(WaitingBytes waiting) => _meter.CreateObservableUpDownCounter(
        "presence.waiting", () => waiting.Total, "By", "Bytes of clients that wait: queued, unhandled, incomplete.");

    public void SocketOpened() => _sockets.Add(1);
    public void SocketClosed() => _sockets.Add(-1);
    public void ChannelJoined() => _channels.Add(1);
    public void ChannelLeft() => _channels.Add(-1);
    public void CountingChanged(int by) => _counting.Add(by);
    public void Dropped(string reason) => Count(_dropped, "reason", reason);
    public void Closed(string reason) => Count(_closed, "reason", reason);
    public void Rejected(string reason) => Count(_rejected, "reason", reason);
    public void Throttled(string reason) => Count(_throttled, "reason", reason);
    public void TokenRejected(string reason) => Count(_tokens, "reason", reason);
    public void Failed(string place) => Count(_failures, "place", place);
    public void BroadcastDelivered() => _broadcasts.Add(1);
    public void DiffSent() => _diffs.Add(1);
    public void Resumed(string outcome) =>
        Count(_resumes, "outcome", JsonNamingPolicy.SnakeCaseLower.ConvertName(outcome));

    public void CursorUsed(string outcome) => Count(_cursors, "outcome", outcome);

    /// <summary>Returns the timestamp of a message that arrives; 0 if nobody measures how long it takes.</summary>
    public long Arrived() => _handling.Enabled ? _time.GetTimestamp() : 0;

    public void Handled(long arrived) => Record(_handling, arrived);

    /// <summary>Returns the timestamp of a frame that enters a queue; 0 if nobody measures how long it waits.</summary>
    public long Queued() => _sending.Enabled ? _time.GetTimestamp() : 0;

    public void Sent(long queued) => Record(_sending, queued);

    private void Record(Histogram<double> histogram, long since)
    {
        if (since != 0)
        {
            histogram.Record(_time.GetElapsedTime(since).TotalSeconds);
        }
    }

    private static void Count(Counter<long> counter, string tag, string value) =>
        counter.Add(1, new KeyValuePair<string, object?>(tag, value));
}
