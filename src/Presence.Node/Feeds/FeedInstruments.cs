using System.Diagnostics.Metrics;
using Presence.Node.Telemetry;

namespace Presence.Node.Feeds;

/// <summary>The meter <c>Presence.Feeds</c>.</summary>
internal sealed class FeedInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly UpDownCounter<int> _feeds;
    private readonly UpDownCounter<int> _readers;
    private readonly Counter<long> _lagged;
    private readonly Counter<long> _resumed;
    private readonly UpDownCounter<long> _counting;

    private readonly SlowConsumers? _slow;

    public FeedInstruments(SlowConsumers? slow = null, IMeterFactory? meters = null)
    {
        _slow = slow;
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.FeedsMeterName);
        _feeds = _meter.CreateUpDownCounter<int>("presence.feeds", "{topic}", "Topics with a feed");
        _readers = _meter.CreateUpDownCounter<int>("presence.feed.readers", "{reader}", "Readers of feeds");
        _lagged = _meter.CreateCounter<long>("presence.feed.lagged", "{time}", "Times a slow reader got a new state");
        _resumed = _meter.CreateCounter<long>("presence.feed.resumed", "{reader}", "Readers that came back");
        _counting = _meter.CreateUpDownCounter<long>("presence.feeds.counting", "{topic}", "Feeds that send counts");
    }

    public void FeedAdded() => _feeds.Add(1);

    public void FeedRemoved() => _feeds.Add(-1);

    public void ReaderAdded() => _readers.Add(1);

    public void ReaderRemoved() => _readers.Add(-1);

    /// <summary>Counts that a reader of the topic fell behind the log.</summary>
    public void Lagged(string topic)
    {
        _lagged.Add(1);
        _slow?.Report(SlowConsumerKind.Reader, topic, "got a new state");
    }

    /// <summary>Counts that a feed begins to send counts, or ends it.</summary>
    public void ModeChanged(bool isCounting) => _counting.Add(isCounting ? 1 : -1);

    /// <param name="by">What they received first: <c>log</c>, <c>cursor</c>, <c>state</c>.</param>
    public void Resumed(string by) => _resumed.Add(1, new KeyValuePair<string, object?>("by", by));

    public void Dispose() => _meter.Dispose();
}
