using System.Diagnostics.Metrics;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Node.CountsOnly;
using Presence.Node.Evictions;
using Presence.Node.Messages;
using Presence.Node.PubSub;
using Presence.Node.Sessions;
using Presence.Node.Shards;
using Presence.Node.Telemetry;
using Presence.Node.Trackers;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Hosting;

internal sealed partial class PresenceNode : IPresenceNode, IClusterTransportReceiver, IDisposable
{
    private readonly Dictionary<string, PresenceTracker> _trackers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ReplicatedShards> _replicated = new(StringComparer.Ordinal);
    private readonly List<SummaryPublisher> _publishers = [];
    private readonly IClusterTransport _transport;
    private readonly PresenceOptions _options;
    private readonly NodeInstruments _instruments;
    private readonly ClusterPubSub _pubSub;
    private readonly SessionTable _sessions;
    private readonly SessionReceivers _receivers = new();
    private readonly PresenceMessages _messages;
    private readonly TopicPages _pages;
    private readonly TimeProvider _time;
    private readonly long _epoch;
    private readonly ILogger _log;
    private readonly RateLimitedLogger _rateLimitedLog;
    private readonly Lock _stateLock = new();
    private readonly TaskCompletionSource _synchronized = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _leaving;

    // Shared by all nodes of this process, so that a session used on the wrong node never matches one of its own.
    private static long s_lastSession;

    public PresenceNode(
        IClusterTransport transport, IOptions<PresenceOptions> options, TimeProvider time, ILogger<PresenceNode> log,
        SlowConsumers? slow = null, IMeterFactory? meters = null)
    {
        _transport = transport;
        _options = options.Value;
        _time = time;
        _epoch = time.GetTimestamp();
        _log = log;
        _instruments = new NodeInstruments(
            MeasureEntries, MeasureReplicas, MeasureLag, () => _sessions!.Measure(), HeldLeaves, slow, meters);
        _rateLimitedLog = new RateLimitedLogger(time);
        _pubSub = new ClusterPubSub(transport, _options, _instruments, _rateLimitedLog, log);
        _instruments.Observe(_pubSub);
        _instruments.ObserveKeyWatches(
            () => _trackers.Values.Sum(t => t.KeyWatches.Watches), () => _trackers.Values.Sum(t => t.KeyWatches.Edges));
        _messages = new PresenceMessages(transport, _receivers, _options, _instruments, time, log);
        _pages = new TopicPages(transport, _options.Limits, time);
        foreach (var (name, tracker) in _options.Trackers)
        {
            _trackers.Add(name, CreateTracker(name, tracker));
        }

        SessionShard[] shards =
        [
            .. _trackers.Values.SelectMany(t => t.Hosts.Select(host => new HostedSessionShard(t.Name, host))),
            .. CountsOnly.SelectMany(c => c.Hosts.Select(host => new HostedSessionShard(c.Name, host))),
        ];
        _instruments.ObserveReaders(() => _replicated.Values.Sum(shards => shards.Readers.Count()));
        _instruments.ObserveCountsOnly(
            () => CountsOnly.Sum(c => c.CountTopics()),
            () => CountsOnly.Sum(c => c.Hosts.Sum(host => host.Shard.Index.Count)));
        _sessions = new SessionTable(
            new NodeSessionCluster(transport, shards, Heirs, NewSessionNumber, time, log));
    }

    /// <summary>Raised at most once, when the node must stop because of an error.</summary>
    public event Action? Failed;

    public ILogger Log => _log;

    public string Name => _transport.NodeName;

    public ulong Incarnation => _transport.Incarnation;

    public string TransportName => _transport.Name;

    public ClusterTransportStatus Transport => _transport.Status;

    public NodeState State { get; private set; } = NodeState.Starting;

    /// <summary>
    /// Completes when this node has the state of all nodes that existed when it started, or after
    /// <see cref="PresenceOptions.SynchronizationTimeout"/>. A snapshot that is read earlier may lack presences.
    /// </summary>
    public Task Synchronized => _synchronized.Task;

    /// <summary>Gets whether the node has begun to wait for the state of the others.</summary>
    public bool IsSynchronizing { get; private set; }

    public IPresenceTracker Tracker => _trackers[PresenceOptions.DefaultTracker];

    public IClusterPubSub PubSub => _pubSub;

    public IPresenceTracker GetTracker(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _trackers.TryGetValue(name, out var tracker)
            ? tracker
            : throw new ArgumentException($"No tracker '{name}'; known trackers: {string.Join(", ", _trackers.Keys)}.");
    }

    public PresenceSession OpenSession(string? label = null) => new(NewSessionNumber(), label);

    public PresenceSession OpenSession(PresenceSessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var session = options.Grace > TimeSpan.Zero && _sessions.IsAvailable
            ? _sessions.Open(options)
            : OpenSession(options.Label);
        return _receivers.Add(session, options.OnMessage);
    }

    public async ValueTask<ResumeResult> ResumeAsync(
        ResumeToken token, PresenceSessionOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(token);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var result = options.Grace == TimeSpan.Zero
            ? new ResumeResult(OpenSession(options.Label), ResumeOutcome.New, ResumeFailure.NotResumable, [])
            : await _sessions.ResumeAsync(token, options, cancellation).ConfigureAwait(false);
        _receivers.Add(result.Session, options.OnMessage);
        return result;
    }

    public IReadOnlyList<NodeStatus> Nodes()
    {
        var others = _trackers.Values
            .SelectMany(t => t.Replicas())
            .GroupBy(r => r.Node, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new NodeStatus(
                g.Key,
                g.All(r => r.Status == "down") ? "down" : "up",
                false,
                g.Sum(r => r.Entries),
                _transport.VersionOf(g.Key)))
            .ToArray();
        var self = State is NodeState.Draining or NodeState.Stopped ? "draining" : "up";
        var entries = _trackers.Values.Sum(t => t.LocalEntries());
        return [new NodeStatus(Name, self, true, entries, NodeStatus.LibraryVersion), .. others];
    }

    public bool IsMeter(Meter meter) => _instruments.IsMeter(meter);

    /// <summary>Returns the state of each remote replica, over all trackers and shards.</summary>
    public IEnumerable<PeerStatus> Peers() => ReplicatedHosts.SelectMany(host => host.WithLock(host.Shard.Peers));

    public async Task StartAsync(CancellationToken cancellation)
    {
        var start = new ActionCommand(static (h, now, effects) => h.Shard.Start(now, effects));
        foreach (var host in Hosts)
        {
            await host.Execute<ActionCommand, bool>(start, always: true).ConfigureAwait(false);
        }

        await _transport.StartAsync(this, cancellation).ConfigureAwait(false);
        await SynchronizeAsync(cancellation).ConfigureAwait(false);
        if (TrySetState(NodeState.Starting, NodeState.Ready))
        {
            _log.Started(Name, _transport.Incarnation, TransportName);
        }
    }

    /// <summary>Waits for the state of the nodes that exist: a client must not see a part of a topic.</summary>
    private async Task SynchronizeAsync(CancellationToken cancellation)
    {
        if (_options.SynchronizationTimeout == TimeSpan.Zero)
        {
            _synchronized.TrySetResult();
            return;
        }

        IsSynchronizing = true;
        var began = _time.GetTimestamp();
        var isComplete = true;
        try
        {
            await SynchronizedHostsAsync()
                .WaitAsync(_options.SynchronizationTimeout, _time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            isComplete = false;
            _log.NotSynchronized(Name, _options.SynchronizationTimeout.TotalSeconds);
        }

        _instruments.Synchronized(_time.GetElapsedTime(began), isComplete);
        _synchronized.TrySetResult();
    }

    private async Task SynchronizedHostsAsync()
    {
        var waited = new HashSet<ShardHost>();
        // The answers of nodes with another pool size create shards that read their lanes.
        while (Hosts.Where(waited.Add).ToArray() is { Length: > 0 } hosts)
        {
            await Task.WhenAll(hosts.Select(host => host.SynchronizedAsync())).ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _instruments.Dispose();
        _publishers.ForEach(publisher => publisher.Dispose());
        foreach (var tracker in _trackers.Values)
        {
            tracker.KeyWatches.Dispose();
        }

        foreach (var host in Hosts)
        {
            host.Dispose();
        }
    }

    public async ValueTask<bool> OnRequestAsync(string from, ClusterFrame frame)
    {
        if (State is NodeState.Failed)
        {
            return false;
        }

        try
        {
            switch (frame.Channel)
            {
                case PresenceOptions.SessionChannel:
                    return _sessions.OnFrame(from, SessionFrameCodec.Decode(frame.Body.Span, _options.Limits));
                case PresenceOptions.EvictionChannel:
                    var eviction = EvictionFrame.Decode(frame.Body.Span);
                    return _trackers.TryGetValue(eviction.Tracker, out var evicting)
                        && await PresenceEvictions.ApplyAsync(evicting, eviction).ConfigureAwait(false);
                case PresenceOptions.PageChannel:
                    return _pages.OnFrame(
                        from,
                        PageFrame.Decode(from, frame.Body.Span, _options.Limits),
                        name => _trackers.GetValueOrDefault(name)?.CountsOnly);
                case PresenceOptions.MessageChannel:
                    var message = MessageFrame.Decode(frame.Body);
                    return _trackers.TryGetValue(message.Tracker, out var tracker)
                        && _messages.Deliver(tracker, message);
            }
        }
        catch (ShardFrameException e)
        {
            Drop(from, frame, "undecodable", e.Message);
            return false;
        }
        catch (CountsOnlyTopicException)
        {
            // The options of the two nodes differ.
            return false;
        }

        if (Decode(from, frame) is not var (host, decoded))
        {
            return false;
        }

        // Accepted by a full mailbox too: a busy node is not dead. Requests are bounded by the number of nodes, because
        // each sender waits for its response.
        var response = decoded is ProbeFrame probe
            ? host.Execute<ProbeCommand, bool>(new ProbeCommand(probe), always: true)
            : host.Execute<ReceiveCommand, bool>(new ReceiveCommand(decoded, _instruments), always: true);
        return await response.ConfigureAwait(false);
    }

    public void OnNodeJoined(string node)
    {
        foreach (var host in ReplicatedHosts)
        {
            host.Post(new ActionCommand((h, now, effects) => h.Shard.NodeJoined(now, node, effects)), always: true);
        }
    }

    public void OnNodeRemoved(string node, ulong incarnation)
    {
        foreach (var host in ReplicatedHosts)
        {
            var remove = new ActionCommand((h, now, effects) => h.Shard.NodeGone(now, node, incarnation, effects));
            host.Post(remove, always: true);
        }

        _pubSub.MarkDead(node, incarnation);
    }

    private static ulong NewSessionNumber() => (ulong)Interlocked.Increment(ref s_lastSession);

    private IReadOnlyList<string> Heirs() => [.. Nodes().Where(n => !n.Self && n.Status == "up").Select(n => n.Name)];

    private IEnumerable<ShardHost> Hosts => ReplicatedHosts.Concat(CountsOnly.SelectMany(c => c.Hosts));

    private IEnumerable<ShardHost> ReplicatedHosts => _replicated.Values.SelectMany(shards => shards.All);

    private IEnumerable<CountsOnlyTopics> CountsOnly =>
        _trackers.Values.Select(t => t.CountsOnly).OfType<CountsOnlyTopics>();

    private void Drop(string from, ClusterFrame frame, string reason, string? detail)
    {
        _instruments.Dropped(reason);
        if (_rateLimitedLog.IsDue(reason, out var count))
        {
            _log.FrameDropped(from, frame.Channel, frame.Shard, reason, detail, count);
        }
    }

    private bool TrySetState(NodeState from, NodeState to)
    {
        lock (_stateLock)
        {
            if (State != from)
            {
                return false;
            }

            State = to;
            return true;
        }
    }

    private void OnConflict(ShardHost host)
    {
        // A node that is stopping already continues to do so.
        if (!TrySetState(NodeState.Starting, NodeState.Failed) && !TrySetState(NodeState.Ready, NodeState.Failed))
        {
            return;
        }

        _log.NameConflict(Name);
        // Not inside the shard, because a handler stops the node.
        ThreadPool.UnsafeQueueUserWorkItem(
            static node => NodeFailure.Raise(node.Failed, node.Name, node.Log), this, preferLocal: false);
    }

    private IEnumerable<Measurement<int>> MeasureEntries() => _trackers.Values.Select(t => new Measurement<int>(
        t.Hosts.Sum(h => h.Shard.Index.Count), new KeyValuePair<string, object?>("tracker", t.Name)));

    private IEnumerable<Measurement<int>> MeasureReplicas() => _trackers.Values
        .SelectMany(t => t.Replicas())
        .GroupBy(r => r.Status)
        .Select(g => new Measurement<int>(g.Count(), new KeyValuePair<string, object?>("status", g.Key)));

    SessionStatus IPresenceNode.Sessions(int maxDetached) => _sessions.Status(maxDetached, HeldLeaves());

    private int HeldLeaves() => Hosts.Sum(host => host.WithLock(() => host.Shard.HeldLeaves));

    private double MeasureLag() =>
        _trackers.Values.SelectMany(t => t.Replicas()).Max(r => (double?)r.Lag.TotalSeconds) ?? 0;

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Name}#{_transport.Incarnation} {State}");
}
