using System.Diagnostics;
using System.Diagnostics.Metrics;
using Presence.Node;

namespace Presence.Dashboard.Cluster;

/// <summary>Reads what the meters of this node count, and keeps the last 24 hours of it.</summary>
internal sealed class NodeNumbers : IDisposable
{
    /// <summary>Rates are those of this time, so that they are readable.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>Number of samples of the lag that percentiles are taken of: ten minutes.</summary>
    private const int MaxLags = 600;

    private const string Dropped = "presence.frames.dropped";

    private const string Merges = "presence.merge.duration";
    private const string Handling = "presence.channel.message.duration";
    private const string Sending = "presence.send.duration";

    private static readonly DateTimeOffset Started = Process.GetCurrentProcess().StartTime.ToUniversalTime();

    private readonly IPresenceNode _node;
    private readonly TimeProvider _time;
    private readonly MeterListener _listener = new();
    private readonly long[] _totals = new long[Enum.GetValues<Count>().Length];
    private readonly Queue<(long At, long[] Totals)> _samples = [];
    private readonly Dictionary<string, RecentDurations> _durations = new()
    {
        [Merges] = new(),
        [Handling] = new(),
        [Sending] = new(),
    };

    private readonly Queue<double> _lags = new(MaxLags);
    private NumbersView _now = new()
    {
        StartedAt = Started.ToUnixTimeMilliseconds(),
        MemoryBytes = Environment.WorkingSet,
    };

    public NodeNumbers(IPresenceNode node, IMeterFactory meters, TimeProvider time)
    {
        (_node, _time) = (node, time);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Other nodes of the process have meters of the same names.
            var isOurs = ReferenceEquals(instrument.Meter.Scope, meters) || node.IsMeter(instrument.Meter);
            if (isOurs && (instrument.Name is Dropped || CountOf(instrument.Name, "") is not null))
            {
                listener.EnableMeasurementEvents(instrument, instrument.Name);
            }
            else if (isOurs && _durations.TryGetValue(instrument.Name, out var durations))
            {
                listener.EnableMeasurementEvents(instrument, durations);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, name) =>
        {
            if (CountOf((string)name!, tags.Length > 0 ? tags[0].Value as string : null) is { } count)
            {
                Interlocked.Add(ref _totals[(int)count], value);
            }
        });
        _listener.SetMeasurementEventCallback<double>((_, value, _, durations) =>
            ((RecentDurations)durations!).Add(value));
        _listener.Start();
    }

    /// <summary>What is counted.</summary>
    private enum Count
    {
        Joins,
        Updates,
        Leaves,
        Messages,
        Dropped,
        SlowConsumers,
        Sockets,
        Channels,
    }

    public NumberHistory History { get; } = new();

    /// <summary>Gets the numbers of the last sample; before the first one, start and memory of the process.</summary>
    public NumbersView Now => Volatile.Read(ref _now);

    /// <summary>Takes a sample; called every second.</summary>
    public void Sample(int entries, double lagMs)
    {
        var (at, totals) = (_time.GetTimestamp(), _totals.ToArray());
        _samples.Enqueue((at, totals));
        while (_samples.Count > 2 && _time.GetElapsedTime(_samples.Peek().At, at) > Window)
        {
            _samples.Dequeue();
        }

        var (since, before) = _samples.Peek();
        var seconds = _time.GetElapsedTime(since, at).TotalSeconds;
        double Rate(Count count) => seconds > 0 ? (totals[(int)count] - before[(int)count]) / seconds : 0;
        while (_lags.Count >= MaxLags)
        {
            _lags.Dequeue();
        }

        _lags.Enqueue(lagMs);
        var (merging, handling) = (_durations[Merges].Percentiles(), _durations[Handling].Percentiles());
        var (sending, lag) = (_durations[Sending].Percentiles(), Percentiles.Of([.. _lags]));
        var now = new NumbersView
        {
            StartedAt = Started.ToUnixTimeMilliseconds(),
            MemoryBytes = Environment.WorkingSet,
            Sockets = (int)totals[(int)Count.Sockets],
            Channels = (int)totals[(int)Count.Channels],
            Joins = Rate(Count.Joins),
            Updates = Rate(Count.Updates),
            Leaves = Rate(Count.Leaves),
            Messages = Rate(Count.Messages),
            Dropped = totals[(int)Count.Dropped],
            SlowConsumers = totals[(int)Count.SlowConsumers],
            MergeP50Ms = merging.P50Ms,
            MergeP99Ms = merging.P99Ms,
            HandlingP50Ms = handling.P50Ms,
            HandlingP99Ms = handling.P99Ms,
            SendingP50Ms = sending.P50Ms,
            SendingP99Ms = sending.P99Ms,
            LagP50Ms = lag.P50Ms,
            LagP99Ms = lag.P99Ms,
        };
        Volatile.Write(ref _now, now);
        History.Add(_time.GetUtcNow(), new Point(
            entries, now.Joins, now.Leaves, now.Messages, lagMs, now.MemoryBytes, now.Sockets));
    }

    public void Dispose() => _listener.Dispose();

    private static Count? CountOf(string instrument, string? tag) => (instrument, tag) switch
    {
        ("presence.tracker.changes", "joined") => Count.Joins,
        ("presence.tracker.changes", "updated") => Count.Updates,
        ("presence.tracker.changes", _) => Count.Leaves,
        ("presence.broadcasts" or "presence.channel.diffs", _) => Count.Messages,
        (Dropped, "slow_consumer") => Count.SlowConsumers,
        ("presence.handler.coalesced" or "presence.feed.lagged", _) => Count.SlowConsumers,
        (Dropped, _) => Count.Dropped,
        ("presence.sockets", _) => Count.Sockets,
        ("presence.channels", _) => Count.Channels,
        _ => null,
    };
}

/// <summary>What one node counts. Rates are a second's, of the last ten seconds.</summary>
internal sealed record NumbersView
{
    /// <summary>Gets the start of its process, in Unix milliseconds.</summary>
    public required long StartedAt { get; init; }

    /// <summary>Gets the memory of its process.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Gets the connections to it.</summary>
    public int Sockets { get; init; }

    /// <summary>Gets the channels that these have joined.</summary>
    public int Channels { get; init; }

    /// <summary>Gets the presences that appeared in its view of the cluster.</summary>
    public double Joins { get; init; }

    /// <summary>Gets the presences that changed.</summary>
    public double Updates { get; init; }

    /// <summary>Gets the presences that ended.</summary>
    public double Leaves { get; init; }

    /// <summary>Gets the broadcasts and diffs to its channels.</summary>
    public double Messages { get; init; }

    /// <summary>Gets the frames dropped since its start, without those of slow consumers.</summary>
    public long Dropped { get; init; }

    /// <summary>Gets the times since its start that a client or handler did not keep up.</summary>
    public long SlowConsumers { get; init; }

    /// <summary>Gets the median time to merge a frame of another node.</summary>
    public double MergeP50Ms { get; init; }

    /// <summary>Gets the 99th percentile of that.</summary>
    public double MergeP99Ms { get; init; }

    /// <summary>Gets the median time from the arrival of a client's message until it was handled.</summary>
    public double HandlingP50Ms { get; init; }

    /// <summary>Gets the 99th percentile of that.</summary>
    public double HandlingP99Ms { get; init; }

    /// <summary>Gets the median time that frames waited for their clients, and were written.</summary>
    public double SendingP50Ms { get; init; }

    /// <summary>Gets the 99th percentile of that.</summary>
    public double SendingP99Ms { get; init; }

    /// <summary>Gets the median of its replication lag in the last ten minutes, sampled each second.</summary>
    public double LagP50Ms { get; init; }

    /// <summary>Gets the 99th percentile of that.</summary>
    public double LagP99Ms { get; init; }
}
