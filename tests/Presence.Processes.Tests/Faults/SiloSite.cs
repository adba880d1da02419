namespace Presence.Processes.Tests.Faults;

/// <summary>
/// Three silos over a PostgreSQL server of their own, shared by the tests of a class: each test replaces the silos that an earlier one ended. A
/// test that fails leaves a cluster in an unknown state, so the next one gets a new cluster.
/// </summary>
public abstract class SiloSite : IAsyncLifetime
{
    /// <summary>The name of the server's place in the network.</summary>
    public const string Database = "database";

    /// <summary>The number by which Orleans marks a dead silo in its table.</summary>
    internal const int Dead = 6;

    /// <summary>
    /// Orleans declares a silo dead after three unanswered probes: a killed one after about two seconds. One whose connections stay open, because
    /// it is suspended or cut off, counts as alive for six seconds after its last message: three times <c>MaxProbeTimeout</c>, which is four
    /// times <c>ProbeTimeout</c>.
    /// </summary>
    internal static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["Presence:Orleans:ProbeTimeout"] = "500ms",
        ["Presence:Orleans:MissedProbes"] = "3",
    };

    private MemberCluster? _cluster;
    private bool _isIntact;

    /// <summary>Null on loopback.</summary>
    public TestNetwork? Network { get; private set; }

    public PostgresServer Server { get; private set; } = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Returns a run with three silos that see each other.</summary>
    internal async Task<Run> StartAsync(string room)
    {
        if (!_isIntact)
        {
            await DisposeAsync();
            PostgresServer.Require();
            Network = await CreateNetworkAsync();
            Server = await StartServerAsync(Network);
            _cluster = await MemberCluster.CreateAsync(Settings, Server, Network);
        }

        _isIntact = false;
        return await Run.StartAsync(_cluster!, room, passed: () => _isIntact = true);
    }

    /// <summary>Waits until the membership table says that the silo is dead.</summary>
    internal static Task UntilDeadAsync(MemberCluster cluster, string member) => Patience.UntilAsync(
        $"Orleans declares {member} dead",
        TimeSpan.FromSeconds(60),
        async () => await cluster.Database.ReadAsync<long>(
            $"SELECT count(*) FROM presence_orleans.silo WHERE name = '{member}' AND status = {Dead}") > 0);

    /// <summary>Starts a server, in a place of its own where there is a network.</summary>
    internal static async Task<PostgresServer> StartServerAsync(TestNetwork? network, PostgresServerOptions? options = null)
    {
        options ??= new PostgresServerOptions();
        if (network is null)
        {
            return await PostgresServer.StartAsync(options);
        }

        var place = await network.AddAsync(Database);
        return await PostgresServer.StartAsync(
            options with { Address = place.Address, Prefix = place.Prefix, AllowedNetwork = "198.18.0.0/15" });
    }

    public async Task DisposeAsync()
    {
        await (_cluster?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Server?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (Network?.DisposeAsync() ?? ValueTask.CompletedTask);
        (_cluster, Server, Network) = (null, null!, null);
    }

    protected abstract Task<TestNetwork?> CreateNetworkAsync();
}

/// <summary>All on loopback: everywhere.</summary>
public sealed class LoopbackSite : SiloSite
{
    protected override Task<TestNetwork?> CreateNetworkAsync() => Task.FromResult<TestNetwork?>(null);
}

/// <summary>Each silo and the server in a network namespace of its own: with root.</summary>
public sealed class NamespaceSite : SiloSite
{
    protected override async Task<TestNetwork?> CreateNetworkAsync() => await TestNetwork.CreateAsync();
}
