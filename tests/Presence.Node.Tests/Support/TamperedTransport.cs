namespace Presence.Node.Tests.Support;

/// <summary>A transport with injected failures.</summary>
internal sealed class TamperedTransport(IClusterTransport transport) : IClusterTransport
{
    /// <summary>Called before a frame is sent or broadcast; false drops it.</summary>
    public Func<ClusterFrame, bool> OnSend { get; set; } = _ => true;

    /// <summary>Replaces requests, if set.</summary>
    public Func<string, CancellationToken, ValueTask<bool>>? OnRequest { get; set; }

    /// <summary>Returns whether a request counts as delivered and is lost.</summary>
    public Func<ClusterFrame, bool> Loses { get; set; } = _ => false;

    /// <summary>Called when the node starts to receive, before other nodes are reported.</summary>
    public Action<IClusterTransportReceiver>? OnStart { get; set; }

    /// <summary>Replaces the receiver.</summary>
    public Func<IClusterTransportReceiver, IClusterTransportReceiver> Receiver { get; set; } = receiver => receiver;

    public IReadOnlyCollection<string> NodesWithoutSessions { get; set; } = [];

    public string NodeName => transport.NodeName;

    public ulong Incarnation => transport.Incarnation;

    public string Name => transport.Name;

    public ClusterTransportStatus Status { get; set; } = ClusterTransportStatus.AlwaysConnected;

    public Task StartAsync(IClusterTransportReceiver receiver, CancellationToken cancellation)
    {
        OnStart?.Invoke(receiver);
        return transport.StartAsync(Receiver(receiver), cancellation);
    }

    public void Send(string node, ClusterFrame frame)
    {
        if (OnSend(frame))
        {
            transport.Send(node, frame);
        }
    }

    public void Broadcast(ClusterFrame frame)
    {
        if (OnSend(frame))
        {
            transport.Broadcast(frame);
        }
    }

    public ValueTask<bool> RequestAsync(string node, ClusterFrame frame, CancellationToken cancellation) =>
        Loses(frame) ? new(true)
        : OnRequest is { } request ? request(node, cancellation)
        : transport.RequestAsync(node, frame, cancellation);

    public Task StopAsync(CancellationToken cancellation) => transport.StopAsync(cancellation);
}
