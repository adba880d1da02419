namespace Presence.Grains.Tests.Conformance;

/// <summary>Real silos in this process, started one by one under the suite's names.</summary>
internal sealed class OrleansTestCluster : ITestCluster
{
    private readonly InProcessTestCluster _cluster;
    private readonly ConcurrentDictionary<string, Action<ISiloBuilder>> _starting = new(StringComparer.Ordinal);
    private readonly List<SiloNode> _nodes = [];

    private OrleansTestCluster()
    {
        var builder = new InProcessTestClusterBuilder(0);
        builder.Options.InitializeClientOnDeploy = false;
        builder.ConfigureSilo((options, silo) =>
        {
            _starting[options.SiloName](silo);
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                o.ProbeTimeout = TimeSpan.FromSeconds(1);
                o.NumMissedProbesLimit = 2;
                o.NumVotesForDeathDeclaration = 1;
            });
        });
        _cluster = builder.Build();
    }

    // An Orleans message is limited to 100 MB by default, and a send queue to 32 MiB.
    public int MaxFrameBytes => 16 * 1024 * 1024;

    public static async Task<ITestCluster> StartAsync()
    {
        var cluster = new OrleansTestCluster();
        await cluster._cluster.DeployAsync();
        return cluster;
    }

    public async Task<ITestClusterNode> StartTransportAsync(string name, IClusterTransportReceiver receiver)
    {
        var node = await StartSiloAsync(name, silo => silo.AddTransportOnly(name));
        await node.Transport.StartAsync(receiver, CancellationToken.None);
        return node;
    }

    public async Task<ITestClusterNode> StartNodeAsync(string name, Action<PresenceOptions> configure) =>
        await StartSiloAsync(name, silo => silo.AddPresence(configureNode: configure));

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.StopAsync();
        }

        await _cluster.DisposeAsync();
    }

    private async Task<SiloNode> StartSiloAsync(string name, Action<ISiloBuilder> add)
    {
        _starting[name] = add;
        var options = InProcessTestSiloSpecificOptions.Create(
            _cluster, _cluster.Options, _nodes.Count, assignNewPort: true);
        options.SiloName = name;
        var node = new SiloNode(_cluster, await _cluster.CreateSiloAsync(options));
        _nodes.Add(node);
        return node;
    }

    private sealed class SiloNode(InProcessTestCluster cluster, InProcessSiloHandle silo) : ITestClusterNode
    {
        private int _ended;

        private readonly IPresenceNode? _node =
            silo.SiloHost.Services.GetService<IPresenceNode>() is var node and not StubNode ? node : null;

        public IClusterTransport Transport { get; } = silo.SiloHost.Services.GetRequiredService<OrleansTransport>();

        public IPresenceNode Node => _node!;

        public async Task StopAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                if (_node is null)
                {
                    await Transport.StopAsync(CancellationToken.None);
                }

                await cluster.StopSiloAsync(silo);
            }
        }

        public async Task KillAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                await cluster.KillSiloAsync(silo);
            }
        }
    }
}
