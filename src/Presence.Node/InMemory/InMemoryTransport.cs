using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace Presence.Node.InMemory;

/// <summary>Connects a node to the others of its process. Frames wait in the bounded inbox of their receiver.</summary>
internal sealed class InMemoryTransport : IClusterTransport
{
    private static readonly Meter Meter = new(PresenceTelemetry.InMemoryMeterName);
    private static readonly Counter<long> DroppedFrames = Meter.CreateCounter<long>(
        "presence.transport.inmemory.dropped", "{frame}", "Frames dropped by a full inbox or a failed receiver");

    private readonly InMemoryCluster _cluster;
    private readonly Channel<(string From, ClusterFrame Frame)> _inbox;
    private IClusterTransportReceiver? _receiver;
    private Task _pump = Task.CompletedTask;
    private volatile bool _silent;

    public InMemoryTransport(InMemoryCluster cluster, string nodeName, ulong incarnation)
    {
        _cluster = cluster;
        NodeName = nodeName;
        Incarnation = incarnation;
        const BoundedChannelFullMode DropWrite = BoundedChannelFullMode.DropWrite;
        _inbox = Channel.CreateBounded<(string, ClusterFrame)>(
            new BoundedChannelOptions(cluster.InboxCapacity) { FullMode = DropWrite, SingleReader = true },
            static _ => DroppedFrames.Add(1));
    }

    public string NodeName { get; }

    /// <summary>Returns the version of this process, in which all nodes are.</summary>
    public string? VersionOf(string node) => NodeStatus.LibraryVersion;

    public ulong Incarnation { get; }

    public string Name => "in-memory";

    internal InMemoryCluster Cluster => _cluster;

    internal bool IsSilent => _silent;

    public Task StartAsync(IClusterTransportReceiver receiver, CancellationToken cancellation)
    {
        _receiver = receiver;
        _cluster.Add(this);
        _pump = Task.Run(PumpAsync, CancellationToken.None);
        foreach (var other in _cluster.Nodes)
        {
            if (other != this)
            {
                receiver.OnNodeJoined(other.NodeName);
                other._receiver?.OnNodeJoined(NodeName);
            }
        }

        return Task.CompletedTask;
    }

    public void Send(string node, ClusterFrame frame)
    {
        if (!_silent)
        {
            _cluster.Find(NodeName, node)?._inbox.Writer.TryWrite((NodeName, frame));
        }
    }

    public void Broadcast(ClusterFrame frame)
    {
        foreach (var other in _cluster.Nodes)
        {
            if (other != this)
            {
                Send(other.NodeName, frame);
            }
        }
    }

    public async ValueTask<bool> RequestAsync(string node, ClusterFrame frame, CancellationToken cancellation)
    {
        if (_silent || !_cluster.Reaches(node, NodeName)
            || _cluster.Find(NodeName, node) is not { _receiver: { } receiver })
        {
            return false;
        }

        try
        {
            var response = receiver.OnRequestAsync(NodeName, frame).AsTask();
            return await response.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // As over a network, a failure and a timeout look the same to the sender.
            return false;
        }
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        Silence();
        if (_cluster.Remove(this))
        {
            foreach (var other in _cluster.Nodes)
            {
                other._receiver?.OnNodeRemoved(NodeName, Incarnation);
            }
        }

        await _pump.ConfigureAwait(false);
    }

    public void Silence()
    {
        _silent = true;
        _inbox.Writer.TryComplete();
        _cluster.Elections.Remove(this);
    }

    private async Task PumpAsync()
    {
        await foreach (var (from, frame) in _inbox.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            if (!_silent)
            {
                Deliver(from, frame);
            }
        }
    }

    private void Deliver(string from, ClusterFrame frame)
    {
        try
        {
            _receiver!.OnFrame(from, frame);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // An exception of the receiver drops only this frame.
            DroppedFrames.Add(1);
        }
    }
}
