namespace Presence.Node.Tests.Support;

/// <summary>A link with its ways of failing put in front of it.</summary>
internal sealed class TamperedLink(IClusterLink link) : IClusterLink
{
    /// <summary>Called before a frame is sent or broadcast; false loses it.</summary>
    public Func<LinkFrame, bool> OnSend { get; set; } = _ => true;

    /// <summary>Called instead of asking, if set.</summary>
    public Func<string, CancellationToken, ValueTask<bool>>? OnAsk { get; set; }

    /// <summary>Called when the member begins to receive, before it is told of the others.</summary>
    public Action<IClusterReceiver>? OnStart { get; set; }

    public string NodeName => link.NodeName;

    public ulong Incarnation => link.Incarnation;

    public string Engine => link.Engine;

    /// <summary>What it says of its reach.</summary>
    public LinkStatus Status { get; set; } = LinkStatus.Always;

    public Task StartAsync(IClusterReceiver receiver, CancellationToken cancellation)
    {
        OnStart?.Invoke(receiver);
        return link.StartAsync(receiver, cancellation);
    }

    public void Send(string member, LinkFrame frame)
    {
        if (OnSend(frame))
        {
            link.Send(member, frame);
        }
    }

    public void Broadcast(LinkFrame frame)
    {
        if (OnSend(frame))
        {
            link.Broadcast(frame);
        }
    }

    public ValueTask<bool> AskAsync(string member, LinkFrame frame, CancellationToken cancellation) =>
        OnAsk is { } ask ? ask(member, cancellation) : link.AskAsync(member, frame, cancellation);

    public Task StopAsync(CancellationToken cancellation) => link.StopAsync(cancellation);
}
