namespace Presence.Grains.Tests;

/// <summary>The real node and tracker over the real link, on silos that were given one line.</summary>
[Trait("Category", "Engine.Orleans")]
public class AddPresenceTests
{
    [Fact]
    public async Task What_one_silo_tracks_every_silo_lists_and_a_stopped_silo_takes_its_presences_with_it()
    {
        var builder = new InProcessTestClusterBuilder(3);
        builder.ConfigureSilo((_, silo) => silo
            .AddPresence()
            .Configure<ClusterMembershipOptions>(o => o.NumVotesForDeathDeclaration = 1));
        await using var cluster = builder.Build();
        await cluster.DeployAsync();

        var nodes = cluster.Silos.Select(s => cluster.GetSiloServiceProvider(s.SiloAddress)).ToList();
        Assert.All(nodes, n => Assert.Equal("orleans", n.GetRequiredService<IPresenceNode>().Engine));
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
