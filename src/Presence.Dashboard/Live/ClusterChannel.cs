using Presence.Channels;

namespace Presence.Dashboard;

/// <summary><c>admin:cluster</c>: the members and what each knows of the others, on join and each second.</summary>
internal sealed class ClusterChannel(ClusterWatch watch) : Channel
{
    private bool _watching;

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask AfterJoinAsync()
    {
        _watching = true;
        watch.Watch();
        Push(ClusterWatch.Event, watch.Now());
        return default;
    }

    protected override ValueTask TerminateAsync(ChannelEnd end)
    {
        if (_watching)
        {
            watch.Unwatch();
        }

        return default;
    }
}
