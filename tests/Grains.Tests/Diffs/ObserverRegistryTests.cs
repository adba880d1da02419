using Microsoft.Extensions.Options;

namespace Presence.Grains.Tests.Diffs;

[Trait("Category", "Orleans")]
public sealed class ObserverRegistryTests
{
    [Fact]
    public async Task Observer_that_is_not_renewed_is_removed_though_its_topic_is_quiet()
    {
        await using var cluster = await GrainCluster.StartAsync(1);
        var silo = cluster.Orleans.Silos[0];
        var time = new FakeTimeProvider();
        using var registry = new ObserverRegistry(
            cluster.ServiceOf<IPresenceNode>(silo),
            cluster.ServiceOf<TopicChangePumps>(silo),
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
}
