using Presence.Channels;

namespace Presence.Samples.Shop;

/// <summary>
/// Sends statistics and their history after the join, then statistics after changes: <c>admin:stats</c> at most four
/// times a second, <c>admin:live</c> at most ten times.
/// </summary>
internal sealed class StatsChannel(ShopperStats stats) : Channel
{
    private ThrottledPublisher? _publisher;

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask AfterJoinAsync()
    {
        _publisher = Topic == stats.Live.Topic ? stats.Live : stats.Stats;
        _publisher.AddSubscriber();
        Push(ShopperStats.Event, stats.Now());
        Push("history", stats.History());
        return default;
    }

    protected override ValueTask TerminateAsync(ChannelTermination end)
    {
        _publisher?.RemoveSubscriber();
        return default;
    }
}
