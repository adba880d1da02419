namespace Presence.Grains.Tests.Conformance;

/// <summary>Real silos in this process, started one by one under the names that the suite gives.</summary>
internal sealed class OrleansEngineUnderTest : IEngine
{
    private readonly InProcessTestCluster _cluster;
    private readonly ConcurrentDictionary<string, Action<ISiloBuilder>> _starting = new(StringComparer.Ordinal);
    private readonly List<SiloMember> _members = [];

    private OrleansEngineUnderTest()
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

    // An Orleans message may have 100 MB by default, and an outbox holds 32 MiB.
    public int MostFrameBytes => 16 * 1024 * 1024;

    public static async Task<IEngine> StartAsync()
    {
        var engine = new OrleansEngineUnderTest();
        await engine._cluster.DeployAsync();
        return engine;
    }

    public async Task<IEngineMember> StartLinkAsync(string name, IClusterReceiver receiver)
    {
        var member = await StartSiloAsync(name, silo => silo.AddLinkAlone(name));
        await member.Link.StartAsync(receiver, CancellationToken.None);
        return member;
    }

    public async Task<IEngineMember> StartNodeAsync(string name, Action<PresenceOptions> configure) =>
        await StartSiloAsync(name, silo => silo.AddPresence(configureNode: configure));

    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
        {
            await member.StopAsync();
        }

        await _cluster.DisposeAsync();
    }

    private async Task<SiloMember> StartSiloAsync(string name, Action<ISiloBuilder> add)
    {
        _starting[name] = add;
        var options = InProcessTestSiloSpecificOptions.Create(_cluster, _cluster.Options, _members.Count, assignNewPort: true);
        options.SiloName = name;
        var member = new SiloMember(_cluster, await _cluster.CreateSiloAsync(options));
        _members.Add(member);
        return member;
    }

    private sealed class SiloMember(InProcessTestCluster cluster, InProcessSiloHandle silo) : IEngineMember
    {
        private int _ended;

        private readonly IPresenceNode? _node = silo.SiloHost.Services.GetService<IPresenceNode>() is var node and not StubNode ? node : null;

        public IClusterLink Link { get; } = silo.SiloHost.Services.GetRequiredService<OrleansLink>();

        public IPresenceNode Node => _node!;

        public async Task StopAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                if (_node is null)
                {
                    await Link.StopAsync(CancellationToken.None);
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
