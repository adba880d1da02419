using Presence.Channels;

namespace Presence.Dashboard;

/// <summary>
/// The shoppers in numbers, on join with the last minutes, then after a change: <c>admin:stats</c> at most four times a
/// second, <c>admin:live</c> at most ten times.
/// </summary>
internal sealed class StatsChannel(ShopperStats stats) : Channel
{
    private StatsPublication? _watched;

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask AfterJoinAsync()
    {
        _watched = Topic == stats.Live.Topic ? stats.Live : stats.Calm;
        _watched.Watch();
        Push(ShopperStats.Event, stats.Now());
        Push("history", stats.History());
        return default;
    }

    protected override ValueTask TerminateAsync(ChannelEnd end)
    {
        _watched?.Unwatch();
        return default;
    }
}
