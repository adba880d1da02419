using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;
using Presence.Node.Telemetry;

namespace Presence.Dashboard.Cluster;

/// <summary>
/// Samples the cluster every second, appends to the event log and pushes to <c>admin:cluster</c>. While an admin is
/// connected anywhere, nodes exchange their views, so that lag is known per pair of nodes.
/// </summary>
internal sealed partial class ClusterMonitor(
    IPresenceNode node,
    SessionMonitor sessions,
    NodeNumbers numbers,
    SlowConsumers slow,
    IChannelBroadcaster broadcaster,
    TimeProvider time,
    ILogger<ClusterMonitor> log,
    IUniqueProcessDirectory? processes = null) : IHostedService, IDisposable
{
    public const string Topic = "admin:cluster";
    public const string Event = "cluster";

    /// <summary>Topic of the exchanged views; no channel has it.</summary>
    public const string ExchangeTopic = "presence.admin.cluster";

    /// <summary>Maximum number of slow consumers in a report.</summary>
    private const int MaxSlow = 10;

    private const string Request = "ask";
    private const string View = "view";
    private const string Detached = "detached";

    public static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>Validity of a report, and the time a node sends reports after a request.</summary>
    public static readonly TimeSpan ReportValidity = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly ClusterEventLog _events = new();
    private readonly ConcurrentDictionary<string, NodeReport> _reports = new(StringComparer.Ordinal);
    private IDisposable? _subscription;
    private ITimer? _timer;
    private long _requested = long.MinValue;
    private int _clients;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = node.PubSub.Subscribe(ExchangeTopic, OnReport);
        _timer = time.CreateTimer(static self => ((ClusterMonitor)self!).Tick(), this, Period, Period);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _subscription?.Dispose();
        _timer?.Dispose();
    }

    /// <summary>Counts a client of the messages, and requests the reports of the other nodes.</summary>
    public void AddClient()
    {
        Interlocked.Increment(ref _clients);
        RequestReports();
    }

    public void RemoveClient() => Interlocked.Decrement(ref _clients);

    /// <summary>Returns the cluster as this node sees it.</summary>
    public ClusterView LocalView() => ClusterView.Of(
        node, sessions.Now(), numbers.Now, processes, slow.Last(MaxSlow));

    /// <summary>Returns this view with those of the other nodes.</summary>
    public ChannelPayload Now()
    {
        lock (_gate)
        {
            var own = LocalView();
            var report = ClusterReport.Of(own, Others(own), _events.Events, time.GetUtcNow());
            return ChannelPayload.From(report, ClusterView.Json);
        }
    }

    private void Tick()
    {
        try
        {
            var own = LocalView();
            numbers.Sample(own.Entries, own.LagMs);
            lock (_gate)
            {
                var draining = Others(own).Where(o => o.State is "draining" or "stopped").Select(o => o.Node);
                _events.Record(own, draining.ToHashSet(StringComparer.Ordinal), time.GetUtcNow());
            }

            if (Volatile.Read(ref _clients) > 0)
            {
                RequestReports();
                broadcaster.BroadcastLocal(Topic, Event, Now());
            }

            sessions.Trim(ReportValidity);
            var requested = Volatile.Read(ref _requested);
            if (requested != long.MinValue && time.GetElapsedTime(requested) < ReportValidity)
            {
                SendReport(own);
            }
        }
        catch (Exception e)
        {
            LogFailed(log, e);
        }
    }

    private void RequestReports() => Send(Request, "{}"u8.ToArray());

    private void SendReport(ClusterView own)
    {
        Send(View, JsonSerializer.SerializeToUtf8Bytes(own, ClusterView.Json));
        Send(Detached, sessions.Report());
    }

    private void Send(string name, byte[] body) => node.PubSub.Broadcast(new PubSubMessage(ExchangeTopic, name, body));

    private void OnReport(PubSubMessage message)
    {
        if (message.FromNode == node.Name || message.FromNode.Length == 0)
        {
            return;
        }

        if (message.Event == View)
        {
            _reports[message.FromNode] = new NodeReport(message.Body, time.GetTimestamp());
            return;
        }

        if (message.Event == Detached)
        {
            sessions.OnReport(message.FromNode, message.Body);
            return;
        }

        var before = Interlocked.Exchange(ref _requested, time.GetTimestamp());
        if (before == long.MinValue || time.GetElapsedTime(before) > ReportValidity)
        {
            // The first request after a quiet time does not wait for the next sample.
            ThreadPool.QueueUserWorkItem(static self => self.Tick(), this, preferLocal: false);
        }
    }

    /// <summary>Returns the valid reports of the other nodes and removes the expired ones.</summary>
    private List<ClusterView> Others(ClusterView own)
    {
        var views = new List<ClusterView>();
        foreach (var (name, report) in _reports.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (time.GetElapsedTime(report.At) > ReportValidity)
            {
                _reports.TryRemove(name, out _);
            }
            else if (name != own.Node
                && JsonSerializer.Deserialize<ClusterView>(report.Body.Span, ClusterView.Json) is { } view)
            {
                views.Add(view);
            }
        }

        return views;
    }

    [LoggerMessage(LogLevel.Error, "Sampling the cluster failed")]
    private static partial void LogFailed(ILogger log, Exception error);

    private readonly record struct NodeReport(ReadOnlyMemory<byte> Body, long At);
}
