namespace Presence.Grains.Tests.Transport;

/// <summary>Silos in this process, each with a cluster transport and a recording receiver.</summary>
internal sealed class TransportCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster _cluster;

    private TransportCluster(InProcessTestCluster cluster) => _cluster = cluster;

    public List<NodeHost> Nodes { get; } = [];

    /// <summary>One silo with its cluster transport.</summary>
    internal sealed record NodeHost(
        InProcessSiloHandle Silo, OrleansTransport Transport, ReceivedFrames Received, StreamFaults Faults)
    {
        public string Name => Transport.NodeName;

        public override string ToString() => Name;
    }

    public static async Task<TransportCluster> StartAsync(short silos, Action<PresenceOrleansOptions>? configure = null)
    {
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((options, silo) =>
        {
            silo.AddTransportOnly(options.SiloName, configure);
            silo.Services.AddSingleton<StreamFaults>();
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(s => s.GetRequiredService<StreamFaults>());
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                o.ProbeTimeout = TimeSpan.FromSeconds(1);
                o.NumMissedProbesLimit = 2;
                o.NumVotesForDeathDeclaration = 1;
            });
        });
        var cluster = new TransportCluster(builder.Build());
        await cluster._cluster.DeployAsync();
        foreach (var silo in cluster._cluster.Silos)
        {
            await cluster.ListenAsync(silo);
        }

        return cluster;
    }

    public IPinnedSiloGrain PinnedGrain(NodeHost from, NodeHost to) =>
        _cluster.GetSiloServiceProvider(from.Silo.SiloAddress).GetRequiredService<IGrainFactory>()
            .GetGrain<IPinnedSiloGrain>(to.Silo.SiloAddress.ToParsableString());

    public async Task<NodeHost> AddAsync() => await ListenAsync(await _cluster.StartAdditionalSiloAsync());

    public async Task KillAsync(NodeHost node)
    {
        Nodes.Remove(node);
        await _cluster.KillSiloAsync(node.Silo);
    }

    public async Task StopAsync(NodeHost node)
    {
        Nodes.Remove(node);
        await _cluster.StopSiloAsync(node.Silo);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
        {
            await node.Transport.StopAsync(CancellationToken.None);
        }

        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
    }

    private async Task<NodeHost> ListenAsync(InProcessSiloHandle silo)
    {
        var services = _cluster.GetSiloServiceProvider(silo.SiloAddress);
        var node = new NodeHost(
            silo,
            services.GetRequiredService<OrleansTransport>(),
            new ReceivedFrames(),
            services.GetRequiredService<StreamFaults>());
        Nodes.Add(node);
        await node.Transport.StartAsync(node.Received, CancellationToken.None);
        return node;
    }

    /// <summary>Broadcasts from every silo and waits until all others have received it.</summary>
    public async Task AllReceiveAllAsync(string mark)
    {
        foreach (var node in Nodes)
        {
            node.Transport.Broadcast(Frames.Of(mark + node.Name));
        }

        foreach (var to in Nodes)
        {
            foreach (var from in Nodes.Where(m => m != to))
            {
                await to.Received.FirstAsync(
                    $"{mark} of {from} at {to}",
                    h => h.Kind == "frame" && h.From == from.Name && h.Text == mark + from.Name);
            }
        }
    }
}
