namespace Presence.EndToEnd.Tests;

/// <summary>One host with three silos, for all tests that do not stop it.</summary>
public sealed class ThreeSilos : IAsyncLifetime
{
    /// <summary>
    /// Starts a host of three silos, <c>node-1</c> to <c>node-3</c>, on ports that the system chooses.
    /// </summary>
    public static readonly IReadOnlyList<string> Options = ["--nodes", "3", "--Presence:NodeName", "node"];

    private SiloProcess _host = null!;

    public IReadOnlyList<string> Nodes => _host.Nodes;
    public string First => Nodes[0];
    public string Third => Nodes[2];

    public async Task InitializeAsync() => _host = await SiloProcess.StartAsync(Options);
    public async Task DisposeAsync() => await _host.DisposeAsync();

    /// <summary>Connects to one silo as the admin.</summary>
    public HttpClient Admin(int node = 0)
    {
        var http = Anybody(node);
        http.DefaultRequestHeaders.Authorization = Basic("admin", SiloProcess.Password);
        return http;
    }

    public HttpClient Anybody(int node = 0) => new() { BaseAddress = new Uri(Nodes[node]) };

    internal static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
}

/// <summary>Tests that share the host, one at a time.</summary>
[CollectionDefinition(nameof(ThreeSilos))]
public sealed class ThreeSilosCollection : ICollectionFixture<ThreeSilos>;

/// <summary>Tests of pages that must show a change in time: nothing else runs beside them.</summary>
[CollectionDefinition(nameof(TimedPages), DisableParallelization = true)]
public sealed class TimedPages;
