using System.Diagnostics.Metrics;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>One member: its trackers, its pub/sub, and what comes in from the link.</summary>
internal sealed class PresenceNode : IPresenceNode, IClusterReceiver, IDisposable
{
    private readonly Dictionary<string, PresenceTracker> _trackers = new(StringComparer.Ordinal);
    private readonly IClusterLink _link;
    private readonly PresenceOptions _options;
    private readonly NodeInstruments _instruments;
    private readonly ClusterPubSub _pubSub;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly OccasionalLog _occasionally;
    private readonly Lock _life = new();
    private Task? _leaving;

    // One count for all members of this program, so that a process given to the wrong one is never taken for another.
    private static long s_lastProcess;

    public PresenceNode(IClusterLink link, IOptions<PresenceOptions> options, TimeProvider time, ILogger<PresenceNode> log)
    {
        _link = link;
        _options = options.Value;
        _time = time;
        _log = log;
        _options.Validate();
        _instruments = new NodeInstruments(MeasureEntries, MeasureReplicas, MeasureLag);
        _occasionally = new OccasionalLog(time);
        _pubSub = new ClusterPubSub(link, _options, _instruments, _occasionally, log);
        foreach (var (name, tracker) in _options.Trackers)
        {
            _trackers.Add(name, Make(name, tracker));
        }
    }

    /// <summary>Raised once if the member must stop with an error.</summary>
    public event Action? Failed;

    public ILogger Log => _log;

    public string Name => _link.NodeName;

    public string Engine => _link.Engine;

    public LinkStatus Link => _link.Status;

    public NodeState State { get; private set; } = NodeState.Starting;

    public IPresenceTracker Tracker => _trackers[PresenceOptions.DefaultTracker];

    public IClusterPubSub PubSub => _pubSub;

    public IPresenceTracker GetTracker(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _trackers.TryGetValue(name, out var tracker)
            ? tracker
            : throw new ArgumentException($"There is no tracker named '{name}'; there are: {string.Join(", ", _trackers.Keys)}.");
    }

    public PresenceProcess StartProcess(string? label = null) =>
        new((ulong)Interlocked.Increment(ref s_lastProcess), label);

    public IReadOnlyList<MemberStatus> Members()
    {
        var others = _trackers.Values
            .SelectMany(t => t.Replicas())
            .GroupBy(r => r.Node, StringComparer.Ordinal)
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new MemberStatus(g.Key, g.All(r => r.Status == "down") ? "down" : "up", false, g.Sum(r => r.Entries)))
            .ToArray();
        var self = State is NodeState.Draining or NodeState.Stopped ? "draining" : "up";
        return [new MemberStatus(Name, self, true, _trackers.Values.Sum(t => t.OwnEntries())), .. others];
    }

    public async Task StartAsync(CancellationToken cancellation)
    {
        foreach (var host in Hosts)
        {
            await host.Execute<ActionCommand, bool>(
                new ActionCommand(static (h, now, effects) => h.Shard.Start(now, effects)), always: true).ConfigureAwait(false);
        }

        await _link.StartAsync(this, cancellation).ConfigureAwait(false);
        if (Move(NodeState.Starting, NodeState.Ready))
        {
            _log.Started(Name, _link.Incarnation, Engine);
        }
    }

    /// <summary>Not ready any more; says farewell and waits, for at most the farewell timeout, until all have heard it.</summary>
    public Task LeaveAsync(CancellationToken cancellation)
    {
        lock (_life)
        {
            return _leaving ??= LeaveOnceAsync(cancellation);
        }
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        try
        {
            await LeaveAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            // However the farewell went: a member that stopped must not answer for itself any more.
            await StopLinkAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task StopLinkAsync(CancellationToken cancellation)
    {
        try
        {
            await _link.StopAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var host in Hosts)
            {
                host.Dispose();
            }

            Move(NodeState.Draining, NodeState.Stopped);
        }
    }

    private async Task LeaveOnceAsync(CancellationToken cancellation)
    {
        if (!Move(NodeState.Ready, NodeState.Draining))
        {
            Move(NodeState.Starting, NodeState.Draining);
        }

        // The shards may be busy for a moment; whoever else calls meanwhile waits for the same task, not for the lock.
        await Task.Yield();
        var farewells = new List<(string To, LinkFrame Frame)>();
        foreach (var host in Hosts)
        {
            var leave = new ActionCommand((h, now, effects) =>
            {
                h.Shard.Leave(now, effects);
                farewells.AddRange(effects.Frames.Select(f => (f.To!, h.Output.Encoded(f.Frame))));
                effects.Frames.Clear();
            });
            await host.Execute<ActionCommand, bool>(leave, always: true).ConfigureAwait(false);
        }

        using var timeout = new CancellationTokenSource(_options.FarewellTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var heard = await Task.WhenAll(farewells.Select(f => SayFarewellAsync(f.To, f.Frame, either.Token))).ConfigureAwait(false);
        var acknowledged = heard.Count(h => h);
        _log.Left(Name, acknowledged, heard.Length);
    }

    private async Task<bool> SayFarewellAsync(string member, LinkFrame frame, CancellationToken timeout)
    {
        try
        {
            // The engine is asked to heed the timeout, but a stop must not depend on it.
            return await _link.AskAsync(member, frame, timeout).AsTask().WaitAsync(timeout).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _log.FarewellFailed(member, e);
            return false;
        }
    }

    public void Dispose()
    {
        _instruments.Dispose();
        foreach (var host in Hosts)
        {
            host.Dispose();
        }
    }

    public void Received(string from, LinkFrame frame)
    {
        if (frame.Channel == PresenceOptions.PubSubChannel)
        {
            _pubSub.Received(from, frame.Body);
        }
        else if (Decode(from, frame) is var (host, decoded)
            && !host.Post(decoded))
        {
            Drop(from, frame, "mailbox_full", null);
        }
    }

    public async ValueTask<bool> AskedAsync(string from, LinkFrame frame)
    {
        if (State is NodeState.Failed || Decode(from, frame) is not var (host, decoded))
        {
            return false;
        }

        // Taken by a full mailbox too: to be too busy to answer is not to be dead. The number of members, each of which
        // waits for its answer, bounds them.
        return decoded is ProbeFrame probe
            ? await host.Execute<ProbedCommand, bool>(new ProbedCommand(probe), always: true).ConfigureAwait(false)
            : await host.Execute<ReceiveCommand, bool>(new ReceiveCommand(decoded, _instruments), always: true).ConfigureAwait(false);
    }

    public void MemberJoined(string member)
    {
        foreach (var host in Hosts)
        {
            host.Post(new ActionCommand((h, now, effects) => h.Shard.MemberJoined(now, member, effects)), always: true);
        }
    }

    public void MemberGone(string member, ulong incarnation)
    {
        foreach (var host in Hosts)
        {
            host.Post(new ActionCommand((h, now, effects) => h.Shard.MemberGone(now, member, incarnation, effects)), always: true);
        }

        _pubSub.Bury(member, incarnation);
    }

    private IEnumerable<ShardHost> Hosts => _trackers.Values.SelectMany(t => t.Hosts);

    private PresenceTracker Make(string name, TrackerOptions options)
    {
        var self = new ReplicaId(Name, _link.Incarnation);
        var hosts = new ShardHost[options.PoolSize];
        for (var shard = 0; shard < hosts.Length; shard++)
        {
            var output = new ShardOutput(
                name, shard, _link, _options, _time, _instruments, _occasionally, _log, OnConflict);
            var seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
            hosts[shard] = new ShardHost(
                new TrackerShard(self, shard, options, _options.Limits, seed), output, _time, _instruments, _options.MailboxCapacity);
        }

        return new PresenceTracker(name, Name, hosts, _options, _instruments, _log);
    }

    private (ShardHost Host, ShardFrame Frame)? Decode(string from, LinkFrame frame)
    {
        if (!_trackers.TryGetValue(frame.Channel, out var tracker) || (uint)frame.Shard >= (uint)tracker.Hosts.Length)
        {
            Drop(from, frame, "unknown_address", null);
            return null;
        }

        var host = tracker.Hosts[frame.Shard];
        try
        {
            var decoded = ShardFrameCodec.Decode(frame.Body.Span, host.Shard.Index);
            _instruments.Received(ShardOutput.TypeOf(decoded), frame.Body.Length);
            return (host, decoded);
        }
        catch (ShardFrameException e)
        {
            Drop(from, frame, "undecodable", e.Message);
            return null;
        }
    }

    private void Drop(string from, LinkFrame frame, string reason, string? detail)
    {
        _instruments.Dropped(reason);
        if (_occasionally.IsDue(reason, out var times))
        {
            _log.FrameDropped(from, frame.Channel, frame.Shard, reason, detail, times);
        }
    }

    private bool Move(NodeState from, NodeState to)
    {
        lock (_life)
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
        // One that stops in order anyway goes on with that.
        if (!Move(NodeState.Starting, NodeState.Failed) && !Move(NodeState.Ready, NodeState.Failed))
        {
            return;
        }

        _log.NameConflict(Name);
        // Not from inside the shard: whoever hears this will stop it.
        ThreadPool.UnsafeQueueUserWorkItem(static node => NodeFailure.Raise(node.Failed, node.Name, node.Log), this, preferLocal: false);
    }

    private IEnumerable<Measurement<int>> MeasureEntries() => _trackers.Values.Select(t => new Measurement<int>(
        t.Hosts.Sum(h => h.Shard.Index.Count), new KeyValuePair<string, object?>("tracker", t.Name)));

    private IEnumerable<Measurement<int>> MeasureReplicas() => _trackers.Values
        .SelectMany(t => t.Replicas())
        .GroupBy(r => r.Status)
        .Select(g => new Measurement<int>(g.Count(), new KeyValuePair<string, object?>("status", g.Key)));

    private double MeasureLag() => _trackers.Values.SelectMany(t => t.Replicas()).Max(r => (double?)r.Lag.TotalSeconds) ?? 0;

    /// <summary>For logs.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name}#{_link.Incarnation} {State}");
}

internal readonly struct ReceiveCommand(ShardFrame frame, NodeInstruments instruments) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        host.Shard.Receive(now, frame, effects);
        instruments.Merged(host.Now - now);
        return true;
    }
}

internal readonly struct ProbedCommand(ProbeFrame probe) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects) => host.Shard.Probed(now, probe, effects);
}
