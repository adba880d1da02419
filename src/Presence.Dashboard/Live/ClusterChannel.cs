using Presence.Channels;
using Presence.Dashboard.Cluster;

namespace Presence.Dashboard.Live;

/// <summary>Channel <c>admin:cluster</c>: pushes the view of the cluster on join and every second.</summary>
internal sealed class ClusterChannel(ClusterMonitor monitor) : Channel
{
    private bool _isCounted;

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask AfterJoinAsync()
    {
        _isCounted = true;
        monitor.AddClient();
        Push(ClusterMonitor.Event, monitor.Now());
        return default;
    }

    protected override ValueTask TerminateAsync(ChannelTermination end)
    {
        if (_isCounted)
        {
            monitor.RemoveClient();
        }

        return default;
    }
}
