using Presence.Channels;

namespace Presence.Dashboard;

/// <summary><c>admin:stats</c>: the shoppers in numbers, on join with the last minutes, then at most four times a second.</summary>
internal sealed class StatsChannel(ShopperStats stats) : Channel
{
    private bool _watching;

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask AfterJoinAsync()
    {
        _watching = true;
        stats.Watch();
        Push(ShopperStats.Event, stats.Now());
        Push("history", stats.History());
        return default;
    }

    protected override ValueTask TerminateAsync(ChannelEnd end)
    {
        if (_watching)
        {
            stats.Unwatch();
        }

        return default;
    }
}
