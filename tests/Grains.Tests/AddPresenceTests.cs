using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
namespace Presence.Grains.Tests;

/// <summary>The real node, tracker and cluster transport, on silos that call only <c>AddPresence</c>.</summary>
[Trait("Category", "Orleans")]
public class AddPresenceTests
{
    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public async Task Start_says_that_subscriptions_are_kept_in_memory(bool hasStore, int lines)
    {
        var log = new FakeLogCollector();
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            if (hasStore)
            {
                silo.Services.AddKeyedSingleton<IGrainStorage>("PubSubStore", new SurvivingStorage());
            }

            silo.AddPresence().Services.AddLogging(b => b.AddProvider(new FakeLoggerProvider(log)));
        });
        await using var cluster = builder.Build();
        await cluster.DeployAsync();
        Assert.Equal(lines, log.GetSnapshot().Count(
            r => r.Message.StartsWith("Stream subscriptions are kept", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Every_silo_lists_all_presences_and_those_of_a_stopped_silo_leave()
    {
        var builder = new InProcessTestClusterBuilder(3);
        builder.ConfigureSilo((_, silo) => silo
            .AddPresence()
            .Configure<ClusterMembershipOptions>(o => o.NumVotesForDeathDeclaration = 1));
        await using var cluster = builder.Build();
        await cluster.DeployAsync();

        var nodes = cluster.Silos.Select(s => cluster.GetSiloServiceProvider(s.SiloAddress)).ToList();
        Assert.All(nodes, n => Assert.Equal("orleans", n.GetRequiredService<IPresenceNode>().TransportName));
        var seen = nodes.Select(n => Watch(n.GetRequiredService<IPresenceNode>().Tracker)).ToList();
        foreach (var (services, i) in nodes.Select((n, i) => (n, i)))
        {
            await services.GetRequiredService<IGrainFactory>()
                .GetGrain<ITopicPresenceGrain>("lobby")
                .Track($"k{i}", PresenceMeta.Parse($$"""{"i":{{i}}}"""));
        }

        foreach (var changes in seen)
        {
            for (var i = 0; i < nodes.Count; i++)
            {
                await changes.FirstAsync(c => c.Kind == PresenceChangeKind.Joined && c.Entry.Key == $"k{i}");
            }
        }

        await cluster.StopSiloAsync(cluster.Silos[0]);
        foreach (var changes in seen.Skip(1))
        {
            await changes.FirstAsync(c => c.Kind == PresenceChangeKind.Left && c.Entry.Key == "k0");
        }

        var rest = await cluster.Client.GetGrain<ITopicPresenceGrain>("lobby").List();
        Assert.Equal(["k1", "k2"], rest.Presences.Select(p => p.Key));
    }

    private static Awaited<PresenceChange> Watch(IPresenceTracker tracker)
    {
        var changes = new Awaited<PresenceChange>();
        tracker.Subscribe("lobby", diff =>
        {
            foreach (var change in diff.Changes)
            {
                changes.Add(change);
            }
        });
        return changes;
    }
}
