using Microsoft.Extensions.Options;
using Presence.Grains.Leases;

namespace Presence.Grains.Tests.Diffs;

[Trait("Category", "Orleans")]
public sealed class ObserverRegistryTests
{
    [Fact]
    public async Task Observer_that_is_not_renewed_is_removed_though_its_topic_is_quiet()
    {
        await using var cluster = await GrainCluster.StartAsync(1);
        var silo = cluster.Orleans.Silos[0];
        var time = new TestTime();
        using var registry = new ObserverRegistry(
            cluster.ServiceOf<IPresenceNode>(silo),
            cluster.ServiceOf<TopicChangePumps>(silo),
            cluster.ServiceOf<EndedIds>(silo),
            cluster.ServiceOf<IOptions<PresenceOrleansOptions>>(silo),
            time);
        registry.Add("crashed", "quiet", new Observer(), cursor: null);
        registry.Add("alive", "quiet", new Observer(), cursor: null);
        var period = registry.Duration / 10;
        time.Advance(period * 9);
        Assert.Equal(2, registry.Count);
        Assert.True(registry.Renew("alive"));
        time.Advance(period);
        Assert.Equal(1, registry.Count);
        Assert.True(registry.Renew("alive"));
    }

    [Fact]
    public async Task Subscription_that_was_ended_before_it_began_does_not_begin_for_a_minute()
    {
        await using var cluster = await GrainCluster.StartAsync(1);
        var silo = cluster.Orleans.Silos[0];
        var time = new TestTime();
        var options = cluster.ServiceOf<IOptions<PresenceOrleansOptions>>(silo);
        var pumps = cluster.ServiceOf<TopicChangePumps>(silo);
        var ended = new EndedIds(options, time);
        using var registry = new ObserverRegistry(
            cluster.ServiceOf<IPresenceNode>(silo), pumps, ended, options, time);
        Assert.False(registry.Prevent("late"));
        Assert.Throws<InvalidOperationException>(() => registry.Add("late", "quiet", new Observer(), cursor: null));
        Assert.Equal((0, 0), (registry.Count, pumps.Count));

        registry.Add("early", "quiet", new Observer(), cursor: null);
        Assert.True(registry.Prevent("early"));
        Assert.Equal((0, 0), (registry.Count, pumps.Count));

        time.Advance(TimeSpan.FromMinutes(1));
        ended.RemoveExpired();
        registry.Add("late", "quiet", new Observer(), cursor: null);
        Assert.Equal(1, registry.Count);
    }
}
