using System.Diagnostics;
using System.Diagnostics.Metrics;
using Presence.Node;

namespace Presence.Dashboard;

/// <summary>Reads what the meters of this node count, and keeps the last 24 hours of it.</summary>
internal sealed class NodeNumbers : IDisposable
{
    /// <summary>Rates are those of this time, so that they are readable.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>Number of samples of the lag that percentiles are taken of: ten minutes.</summary>
    private const int MaxLags = 600;

    /// <summary>Number of durations of merges that percentiles are taken of.</summary>
    private const int MaxDurations = 512;

    private const string Dropped = "presence.frames.dropped";
    private const string Merges = "presence.merge.duration";

    private static readonly DateTimeOffset Started = Process.GetCurrentProcess().StartTime.ToUniversalTime();

    private readonly IPresenceNode _node;
    private readonly TimeProvider _time;
    private readonly MeterListener _listener = new();
    private readonly long[] _totals = new long[Enum.GetValues<Count>().Length];
    private readonly Queue<(long At, long[] Totals)> _samples = [];
    private readonly double[] _durations = new double[MaxDurations];
    private readonly Queue<double> _lags = new(MaxLags);
    private long _merges;
    private NumbersView _now = new(
        Started.ToUnixTimeMilliseconds(), Environment.WorkingSet, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    public NodeNumbers(IPresenceNode node, IMeterFactory meters, TimeProvider time)
    {
        (_node, _time) = (node, time);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Other nodes of the process have meters of the same names. Those of transports and feeds cannot be told
            // apart: each node counts them all.
            var meter = instrument.Meter;
            var isOurs = ReferenceEquals(meter.Scope, meters) || node.IsMeter(meter)
                || meter.Name is PresenceTelemetry.GrainsMeterName or PresenceTelemetry.FeedsMeterName;
            if (isOurs && (instrument.Name is Dropped or Merges || CountOf(instrument.Name, "") is not null))
            {
                listener.EnableMeasurementEvents(instrument, instrument.Name);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, name) =>
        {
            if (CountOf((string)name!, tags.Length > 0 ? tags[0].Value as string : null) is { } count)
            {
                Interlocked.Add(ref _totals[(int)count], value);
            }
        });
        _listener.SetMeasurementEventCallback<double>((_, value, _, _) =>
            _durations[Interlocked.Increment(ref _merges) % MaxDurations] = value);
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
        var durations = _durations.AsSpan(0, (int)Math.Min(Volatile.Read(ref _merges), MaxDurations)).ToArray();
        Array.Sort(durations);
        while (_lags.Count >= MaxLags)
        {
            _lags.Dequeue();
        }

        _lags.Enqueue(lagMs);
        var lags = _lags.ToArray();
        Array.Sort(lags);
        var now = new NumbersView(
            Started.ToUnixTimeMilliseconds(),
            Environment.WorkingSet,
            (int)totals[(int)Count.Sockets],
            (int)totals[(int)Count.Channels],
            Rate(Count.Joins),
            Rate(Count.Updates),
            Rate(Count.Leaves),
            Rate(Count.Messages),
            totals[(int)Count.Dropped],
            totals[(int)Count.SlowConsumers],
            1000 * Percentile(durations, 0.5),
            1000 * Percentile(durations, 0.99),
            Percentile(lags, 0.5),
            Percentile(lags, 0.99));
        Volatile.Write(ref _now, now);
        History.Add(_time.GetUtcNow(), new Point(
            entries, now.Joins, now.Leaves, now.Messages, lagMs, now.MemoryBytes, now.Sockets));
    }

    public void Dispose() => _listener.Dispose();

    private static double Percentile(double[] sorted, double part) =>
        sorted.Length == 0 ? 0 : sorted[(int)(part * sorted.Length)];

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
/// <param name="StartedAt">Start of its process, in Unix milliseconds.</param>
/// <param name="MemoryBytes">Memory of its process.</param>
/// <param name="Sockets">Connections to it.</param>
/// <param name="Channels">Channels that these have joined.</param>
/// <param name="Joins">Presences that appeared in its view of the cluster.</param>
/// <param name="Updates">Presences that changed.</param>
/// <param name="Leaves">Presences that ended.</param>
/// <param name="Messages">Broadcasts and diffs to its channels.</param>
/// <param name="Dropped">Frames dropped since its start, without those of slow consumers.</param>
/// <param name="SlowConsumers">Times since its start that a client or handler did not keep up.</param>
/// <param name="MergeP50Ms">Median time to merge a frame of another node.</param>
/// <param name="MergeP99Ms">99th percentile of that.</param>
/// <param name="LagP50Ms">Median of its replication lag in the last ten minutes, sampled each second.</param>
/// <param name="LagP99Ms">99th percentile of that.</param>
internal sealed record NumbersView(
    long StartedAt,
    long MemoryBytes,
    int Sockets,
    int Channels,
    double Joins,
    double Updates,
    double Leaves,
    double Messages,
    long Dropped,
    long SlowConsumers,
    double MergeP50Ms,
    double MergeP99Ms,
    double LagP50Ms,
    double LagP99Ms);
