using Microsoft.Extensions.Logging;
using Presence.Crdt;
using Presence.Node.Hosting;
using Presence.Node.Security;
using Presence.Node.Shards;
using Presence.Tracker.Sessions;
using Presence.Tracker.Shard;

namespace Presence.Node.Sessions;

/// <summary>Connects the session table of a node to its shards, its clock and its cluster transport.</summary>
internal sealed class NodeSessionCluster : ISessionCluster
{
    /// <summary>Maximum time for a frame to be received by the other node.</summary>
    private static readonly TimeSpan SendTimeout = TimeSpan.FromSeconds(1);

    private readonly IClusterTransport _transport;
    private readonly TimeProvider _time;
    private readonly Func<IReadOnlyList<string>> _heirs;
    private readonly Func<ulong> _newProcess;
    private readonly ILogger _log;
    private readonly long _epoch;

    /// <param name="transport">Carries frames.</param>
    /// <param name="shards">The shards of all trackers.</param>
    /// <param name="heirs">Returns the other nodes that are up.</param>
    /// <param name="newProcess">Returns the number of a new session.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    public NodeSessionCluster(
        IClusterTransport transport,
        IReadOnlyList<SessionShard> shards,
        Func<IReadOnlyList<string>> heirs,
        Func<ulong> newProcess,
        TimeProvider time,
        ILogger log)
    {
        _transport = transport;
        _heirs = heirs;
        _newProcess = newProcess;
        _time = time;
        _log = log;
        _epoch = time.GetTimestamp();
        Shards = shards;
        Self = new ReplicaId(transport.NodeName, transport.Incarnation);
    }

    public ReplicaId Self { get; }

    public TimeSpan Now => _time.GetElapsedTime(_epoch);

    public IReadOnlyList<SessionShard> Shards { get; }

    public TaskCreationOptions Completion => TaskCreationOptions.RunContinuationsAsynchronously;

    public IReadOnlyList<string> Heirs() => _heirs();

    public bool KnowSessions => _transport.NodesWithoutSessions.Count == 0;

    public SessionId NewId()
    {
        Span<byte> bytes = stackalloc byte[RandomIds.Size];
        RandomIds.Fill(bytes);
        return new SessionId(BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes[8..]));
    }

    public ulong NewProcess() => _newProcess();

    public async Task<bool> SendAsync(string node, SessionFrame frame)
    {
        try
        {
            using var timeout = new CancellationTokenSource(SendTimeout, _time);
            var body = new ClusterFrame(PresenceOptions.SessionChannel, 0, SessionFrameCodec.Encode(frame));
            var request = _transport.RequestAsync(node, body, timeout.Token).AsTask();
            return await request.WaitAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Failed(e);
            return false;
        }
    }

    public IDisposable After(TimeSpan delay, Action action) => _time.CreateTimer(
        static action => ((Action)action!)(), action, delay > TimeSpan.Zero ? delay : TimeSpan.Zero,
        Timeout.InfiniteTimeSpan);

    public void Notify(Action action) => ThreadPool.UnsafeQueueUserWorkItem(
        static call =>
        {
            try
            {
                call.action();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                call.self.Failed(e);
            }
        },
        (self: this, action),
        preferLocal: false);

    public void Failed(Exception e) => _log.SessionFailed(e);
}

/// <summary>A shard of this node.</summary>
internal sealed class HostedSessionShard(string tracker, ShardHost host) : SessionShard
{
    public override string Tracker => tracker;

    public override int Shard => host.Shard.Shard;

    public override bool Has(string name, string topic) =>
        name == tracker && PresencesByTopic.ShardOf(topic, host.Shard.PoolSize) == Shard;

    public override ISessionLink Link => host;

    public override ValueTask<T> RunAsync<T>(Func<TrackerShard, TimeSpan, ShardEffects, T> command) =>
        host.Execute<SessionCommand<T>, T>(new SessionCommand<T>(command), always: true);

    private readonly struct SessionCommand<T>(Func<TrackerShard, TimeSpan, ShardEffects, T> command)
        : IShardCommand<T>
    {
        public T Run(ShardHost host, TimeSpan now, ShardEffects effects) => command(host.Shard, now, effects);
    }
}
