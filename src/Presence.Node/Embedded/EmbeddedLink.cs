using System.Diagnostics.Metrics;
using System.Threading.Channels;

namespace Presence.Node;

/// <summary>One member's link to the others of its process: frames wait in the receiver's bounded inbox.</summary>
internal sealed class EmbeddedLink : IClusterLink
{
    private static readonly Meter Meter = new("Presence.Embedded");
    private static readonly Counter<long> DroppedFrames =
        Meter.CreateCounter<long>("presence.embedded.dropped", "{frame}", "Frames dropped because a member's inbox was full or its receiver failed");

    private readonly EmbeddedCluster _cluster;
    private readonly Channel<(string From, LinkFrame Frame)> _inbox;
    private IClusterReceiver? _receiver;
    private Task _pump = Task.CompletedTask;
    private volatile bool _silent;

    public EmbeddedLink(EmbeddedCluster cluster, string nodeName, ulong incarnation)
    {
        _cluster = cluster;
        NodeName = nodeName;
        Incarnation = incarnation;
        _inbox = Channel.CreateBounded<(string, LinkFrame)>(
            new BoundedChannelOptions(cluster.InboxCapacity) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true },
            static _ => DroppedFrames.Add(1));
    }

    public string NodeName { get; }

    public ulong Incarnation { get; }

    public string Engine => "embedded";

    internal EmbeddedCluster Cluster => _cluster;

    /// <summary>Whether it has left the cluster or crashed.</summary>
    internal bool IsSilent => _silent;

    public Task StartAsync(IClusterReceiver receiver, CancellationToken cancellation)
    {
        _receiver = receiver;
        _cluster.Add(this);
        _pump = Task.Run(PumpAsync, CancellationToken.None);
        foreach (var other in _cluster.Members)
        {
            if (other != this)
            {
                receiver.MemberJoined(other.NodeName);
                other._receiver?.MemberJoined(NodeName);
            }
        }

        return Task.CompletedTask;
    }

    public void Send(string member, LinkFrame frame)
    {
        if (!_silent)
        {
            _cluster.Find(NodeName, member)?._inbox.Writer.TryWrite((NodeName, frame));
        }
    }

    public void Broadcast(LinkFrame frame)
    {
        foreach (var other in _cluster.Members)
        {
            if (other != this)
            {
                Send(other.NodeName, frame);
            }
        }
    }

    public async ValueTask<bool> AskAsync(string member, LinkFrame frame, CancellationToken cancellation)
    {
        if (_silent || _cluster.Find(NodeName, member) is not { _receiver: { } receiver } || !_cluster.Reaches(member, NodeName))
        {
            return false;
        }

        try
        {
            return await receiver.AskedAsync(NodeName, frame).AsTask().WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Not answered in time, or not at all: over a network one could not tell either.
            return false;
        }
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        Silence();
        if (_cluster.Remove(this))
        {
            foreach (var other in _cluster.Members)
            {
                other._receiver?.MemberGone(NodeName, Incarnation);
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
                HandOver(from, frame);
            }
        }
    }

    private void HandOver(string from, LinkFrame frame)
    {
        try
        {
            _receiver!.Received(from, frame);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A receiver that breaks its promise loses this frame, not those after it.
            DroppedFrames.Add(1);
        }
    }
}
