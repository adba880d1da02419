namespace Presence.Grains.Tests.Link;

/// <summary>Silos in this process, each with a link and a receiver that writes down what it hears.</summary>
internal sealed class LinkCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster _cluster;

    private LinkCluster(InProcessTestCluster cluster) => _cluster = cluster;

    public List<Member> Members { get; } = [];

    /// <summary>One silo with its link.</summary>
    internal sealed record Member(InProcessSiloHandle Silo, OrleansLink Link, HeardFrames Heard, StreamFaults Faults)
    {
        public string Name => Link.NodeName;

        public override string ToString() => Name;
    }

    public static async Task<LinkCluster> StartAsync(short silos, Action<PresenceOrleansOptions>? configure = null)
    {
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((options, silo) =>
        {
            silo.AddLinkAlone(options.SiloName, configure);
            silo.Services.AddSingleton<StreamFaults>();
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(s => s.GetRequiredService<StreamFaults>());
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                o.ProbeTimeout = TimeSpan.FromSeconds(1);
                o.NumMissedProbesLimit = 2;
                o.NumVotesForDeathDeclaration = 1;
            });
        });
        var cluster = new LinkCluster(builder.Build());
        await cluster._cluster.DeployAsync();
        foreach (var silo in cluster._cluster.Silos)
        {
            await cluster.ListenAsync(silo);
        }

        return cluster;
    }

    public async Task<Member> AddAsync() => await ListenAsync(await _cluster.StartAdditionalSiloAsync());

    public async Task KillAsync(Member member)
    {
        Members.Remove(member);
        await _cluster.KillSiloAsync(member.Silo);
    }

    public async Task StopAsync(Member member)
    {
        Members.Remove(member);
        await _cluster.StopSiloAsync(member.Silo);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var member in Members)
        {
            await member.Link.StopAsync(CancellationToken.None);
        }

        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
    }

    private async Task<Member> ListenAsync(InProcessSiloHandle silo)
    {
        var services = _cluster.GetSiloServiceProvider(silo.SiloAddress);
        var member = new Member(
            silo,
            services.GetRequiredService<OrleansLink>(),
            new HeardFrames(),
            services.GetRequiredService<StreamFaults>());
        Members.Add(member);
        await member.Link.StartAsync(member.Heard, CancellationToken.None);
        return member;
    }

    /// <summary>Broadcasts from everybody and waits until everybody heard everybody else.</summary>
    public async Task EverybodyHearsEverybodyAsync(string mark)
    {
        foreach (var member in Members)
        {
            member.Link.Broadcast(Frames.Of(mark + member.Name));
        }

        foreach (var to in Members)
        {
            foreach (var from in Members.Where(m => m != to))
            {
                await to.Heard.HearsAsync(
                    $"{mark} of {from} at {to}",
                    h => h.Kind == "frame" && h.From == from.Name && h.Text == mark + from.Name);
            }
        }
    }
}
