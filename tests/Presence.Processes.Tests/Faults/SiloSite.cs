namespace Presence.Processes.Tests.Faults;

/// <summary>
/// Three silos over their own PostgreSQL server, shared by the tests of a class. Each test replaces the silos that an
/// earlier one ended. A failed test leaves an unknown state, so the next one gets a new cluster.
/// </summary>
public abstract class SiloSite : IAsyncLifetime
{
    /// <summary>Name of the server's place in the network.</summary>
    public const string Database = "database";

    /// <summary>The status number of a dead silo in Orleans' table.</summary>
    internal const int Dead = 6;

    /// <summary>
    /// Orleans declares a killed silo dead after three failed probes, about two seconds. A suspended or disconnected
    /// one, whose connections stay open, counts as alive for six seconds after its last message: three times
    /// <c>MaxProbeTimeout</c>, which is four times <c>ProbeTimeout</c>.
    /// </summary>
    internal static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["Presence:Orleans:ProbeTimeout"] = "500ms",
        ["Presence:Orleans:MissedProbes"] = "3",
    };

    private NodeCluster? _cluster;
    private bool _isIntact;

    /// <summary>The network; null on loopback.</summary>
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
            _cluster = await NodeCluster.CreateAsync(Settings, Server, Network);
        }

        _isIntact = false;
        return await Run.StartAsync(_cluster!, room, onFlawless: () => _isIntact = true);
    }

    /// <summary>Waits until the membership table marks the silo dead.</summary>
    internal static Task UntilDeadAsync(NodeCluster cluster, string node) => TestTimeouts.UntilAsync(
        $"Orleans declares {node} dead",
        TimeSpan.FromSeconds(60),
        async () => await cluster.Database.ReadAsync<long>(
            $"SELECT count(*) FROM presence_orleans.silo WHERE name = '{node}' AND status = {Dead}") > 0);

    /// <summary>Starts a server, in its own place if there is a network.</summary>
    internal static async Task<PostgresServer> StartServerAsync(
        TestNetwork? network, PostgresServerOptions? options = null)
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

/// <summary>All on loopback; needs no rights.</summary>
public sealed class LoopbackSite : SiloSite
{
    protected override Task<TestNetwork?> CreateNetworkAsync() => Task.FromResult<TestNetwork?>(null);
}

/// <summary>Each silo and the server in its own network namespace; needs root.</summary>
public sealed class NamespaceSite : SiloSite
{
    protected override async Task<TestNetwork?> CreateNetworkAsync() => await TestNetwork.CreateAsync();
}
