using Microsoft.Extensions.DependencyInjection;
using Presence.Grains.Tests.Client;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Silos with different values of <see cref="TrackerOptions.PoolSize"/>.</summary>
[Trait("Category", "Orleans")]
public sealed class PoolSizeTests
{
    private static readonly int[] PoolSizes = [1, 4, 6];

    [Fact]
    public async Task Observers_and_streams_get_the_presences_of_silos_with_other_pool_sizes()
    {
        var started = 0;
        await using var cluster = await PresenceCluster.StartAsync(3, configureSilo: silo =>
        {
            var poolSize = PoolSizes[Interlocked.Increment(ref started) - 1];
            silo.Services.PostConfigure<PresenceOptions>(options => options.Tracker.PoolSize = poolSize);
        });
        Assert.Equal(3, started);
        foreach (var topic in new[] { "a", "b", "c", "d" })
        {
            var (observed, followed) = (new Ledger(), new Ledger());
            await using var subscription = await cluster.Client.SubscribeAsync(topic, observed.HandleAsync);
            await using var stream = await cluster.Client.SubscribeAsync(
                topic, followed.HandleAsync, SubscriptionKind.Stream);
            var sessions = new List<PresenceSession>();
            foreach (var (silo, at) in cluster.Silos.Select((silo, at) => (silo, at)))
            {
                var session = cluster.ServiceOf<IPresenceNode>(silo).OpenSession();
                sessions.Add(session);
                await cluster.TrackerOf(silo).TrackAsync(session, topic, $"k{at}");
                await observed.JoinedAsync($"k{at}");
                await followed.JoinedAsync($"k{at}");
            }

            for (var at = 0; at < sessions.Count; at++)
            {
                sessions[at].End();
                await observed.LeftAsync($"k{at}");
                await followed.LeftAsync($"k{at}");
            }

            observed.AssertConsistent();
            followed.AssertConsistent();
        }
    }
}
