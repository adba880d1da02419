using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Storage;
using Orleans.TestingHost;
using Presence.Grains.Tests.Client;
using Presence.Grains.Tests.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Clusters in which only some silos have presence.</summary>
[Trait("Category", "Orleans")]
public class MixedClusterTests
{
    /// <summary>Long enough for a process that runs many clusters to renew it in time.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(4);

    /// <summary>The parts of presence on a silo that is not a node.</summary>
    public enum Plain
    {
        /// <summary>Neither grain classes nor interfaces.</summary>
        NoAssembly,

        /// <summary>The interfaces.</summary>
        Interfaces,

        /// <summary>Everything, but <c>AddPresence</c> was not called.</summary>
        SameBinary,
    }

    [Theory]
    [InlineData(Plain.NoAssembly, true)]
    [InlineData(Plain.NoAssembly, false)]
    [InlineData(Plain.Interfaces, false)]
    [InlineData(Plain.SameBinary, true)]
    [InlineData(Plain.SameBinary, false)]
    public async Task Client_whose_only_gateway_is_a_plain_silo_tracks_and_subscribes_for_longer_than_a_lease(
        Plain form, bool plainFirst)
    {
        await using var cluster = await MixedCluster.StartAsync(form, plainFirst);
        var client = cluster.Client;
        var (observed, followed) = (new Ledger(), new Ledger());
        await using var subscription = await client.SubscribeAsync("lobby", observed.HandleAsync);
        await using var stream = await client.SubscribeAsync("lobby", followed.HandleAsync, SubscriptionKind.Stream);
        await using var mine = await client.TrackAsync("lobby", "mine");
        foreach (var ledger in new[] { observed, followed })
        {
            await ledger.JoinedAsync("mine");
        }

        // Another presence that is not renewed shows that a lease's duration has passed.
        await cluster.Grains.GetGrain<ITopicPresenceGrain>("lobby").Track("not renewed");
        foreach (var ledger in new[] { observed, followed })
        {
            await ledger.LeftAsync("not renewed");
        }

        Assert.Equal(["mine"], subscription.Presences.Select(p => p.Key));
        Assert.Equal(["mine"], stream.Presences.Select(p => p.Key));
        await mine.UpdateAsync(PresenceMeta.Parse("""{"a":1}"""));
        await followed.Received.FirstAsync(c => c.Kind == PresenceChangeKind.Updated);
        observed.AssertConsistent();
        observed.AssertNobodyCameBack();
        followed.AssertConsistent();
        followed.AssertNobodyCameBack();
    }

    [Fact]
    public async Task Only_silos_with_presence_are_nodes_and_a_kill_of_either_kind_leaves_the_others_working()
    {
        await using var cluster = await MixedCluster.StartAsync(
            Plain.SameBinary, plainFirst: false, plainGatewayOnly: false);
        Assert.Equal(
            cluster.Nodes.Select(n => n.Name).Order(),
            cluster.ServiceOf<IPresenceNode>(cluster.Nodes[0]).Nodes().Select(m => m.Name).Order());

        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync(
            "lobby", ledger.HandleAsync, SubscriptionKind.Stream);
        await cluster.ServiceOf<IPresenceClient>(cluster.Nodes[0]).TrackAsync("lobby", "first");
        await ledger.JoinedAsync("first");

        await cluster.Orleans.KillSiloAsync(cluster.PlainSilo);
        await cluster.ServiceOf<IPresenceClient>(cluster.Nodes[1]).TrackAsync("lobby", "second");
        await ledger.JoinedAsync("second");

        var survivor = cluster.Nodes[1];
        await cluster.Orleans.KillSiloAsync(cluster.Nodes[0]);
        await ledger.LeftAsync("first");
        await cluster.ServiceOf<IPresenceClient>(survivor).TrackAsync("lobby", "third");
        await ledger.JoinedAsync("third");
        ledger.AssertConsistent();
    }

    /// <summary>Two silos with presence and one without.</summary>
    private sealed class MixedCluster : IAsyncDisposable
    {
        private readonly ConcurrentDictionary<string, bool> _isPlain = new();
        private readonly List<InProcessSiloHandle> _nodes = [];

        private MixedCluster(Plain form, bool plainGatewayOnly)
        {
            var storage = new SurvivingStorage();
            var builder = new InProcessTestClusterBuilder(0);
            builder.ConfigureSilo((options, silo) =>
            {
                silo.Configure<ClusterMembershipOptions>(o =>
                {
                    o.NumVotesForDeathDeclaration = 1;
                    o.ProbeTimeout = TimeSpan.FromSeconds(1);
                    o.NumMissedProbesLimit = 2;
                });
                if (_isPlain[options.SiloName])
                {
                    Strip(silo, form);
                    return;
                }

                silo.Services.AddKeyedSingleton<IGrainStorage>("PubSubStore", storage);
                silo.AddPresence(o => o.LeaseDuration = Lease);
                if (plainGatewayOnly)
                {
                    silo.Services.PostConfigure<EndpointOptions>(
                        o => (o.GatewayPort, o.GatewayListeningEndpoint) = (0, null));
                }
            });
            builder.ConfigureClient(
                client => client.AddPresence(o => o.RenewalInterval = TimeSpan.FromMilliseconds(200)));
            builder.Options.InitializeClientOnDeploy = false;
            Orleans = builder.Build();
        }

        public InProcessTestCluster Orleans { get; }

        public List<InProcessSiloHandle> Nodes => _nodes;

        public InProcessSiloHandle PlainSilo { get; private set; } = null!;

        public IClusterClient Grains => Orleans.Client;

        public IPresenceClient Client => Orleans.Client.ServiceProvider.GetRequiredService<IPresenceClient>();

        public static async Task<MixedCluster> StartAsync(Plain form, bool plainFirst, bool plainGatewayOnly = true)
        {
            var cluster = new MixedCluster(form, plainGatewayOnly);
            await cluster.Orleans.DeployAsync();
            foreach (var isPlain in plainFirst ? new[] { true, false, false } : [false, true, false])
            {
                var silo = await cluster.StartAsync(isPlain);
                if (isPlain)
                {
                    cluster.PlainSilo = silo;
                }
                else
                {
                    cluster._nodes.Add(silo);
                }
            }

            await cluster.Orleans.InitializeClientAsync();
            return cluster;
        }

        public T ServiceOf<T>(InProcessSiloHandle silo)
            where T : notnull => silo.SiloHost.Services.GetRequiredService<T>();

        public async ValueTask DisposeAsync()
        {
            await Orleans.StopAllSilosAsync();
            await Orleans.DisposeAsync();
        }

        private async Task<InProcessSiloHandle> StartAsync(bool isPlain)
        {
            var options = InProcessTestSiloSpecificOptions.Create(
                Orleans, Orleans.Options, _isPlain.Count, assignNewPort: true);
            options.SiloName = $"{(isPlain ? "plain" : "node")} {_isPlain.Count}";
            _isPlain[options.SiloName] = isPlain;
            return await Orleans.CreateSiloAsync(options);
        }

        private static void Strip(ISiloBuilder silo, Plain form) =>
            silo.Services.PostConfigure<GrainTypeOptions>(types =>
        {
            if (form != Plain.SameBinary)
            {
                types.Classes.RemoveWhere(t => t.Namespace?.StartsWith("Presence.", StringComparison.Ordinal) == true);
            }

            if (form == Plain.NoAssembly)
            {
                types.Interfaces.RemoveWhere(
                    t => t.Namespace?.StartsWith("Presence.", StringComparison.Ordinal) == true);
            }
        });
    }
}
