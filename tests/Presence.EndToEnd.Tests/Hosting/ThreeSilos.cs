namespace Presence.EndToEnd.Tests;

/// <summary>One host with three silos, for all tests that do not stop it.</summary>
public sealed class ThreeSilos : IAsyncLifetime
{
    /// <summary>Starts a host of three silos with names of their own, <c>node-1</c> to <c>node-3</c>, on ports that the system chooses.</summary>
    public static readonly IReadOnlyList<string> Options = ["--nodes", "3", "--Presence:NodeName", "node"];

    private SiloProcess _host = null!;

    public IReadOnlyList<string> Members => _host.Members;

    public string First => Members[0];

    public string Third => Members[2];

    public async Task InitializeAsync()
    {
        // A host looks for its pages once, when it starts.
        if (NodeScripts.IsHere)
        {
            await NodeScripts.BuildPagesAsync();
        }

        _host = await SiloProcess.StartAsync(Options);
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    /// <summary>A client of one silo, signed in as the admin.</summary>
    public HttpClient Admin(int member = 0)
    {
        var http = Anybody(member);
        http.DefaultRequestHeaders.Authorization = Basic("admin", SiloProcess.Password);
        return http;
    }

    public HttpClient Anybody(int member = 0) => new() { BaseAddress = new Uri(Members[member]) };

    internal static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
}

/// <summary>Tests that share the host, one at a time.</summary>
[CollectionDefinition(nameof(ThreeSilos))]
public sealed class ThreeSilosCollection : ICollectionFixture<ThreeSilos>;

/// <summary>Tests of pages that must show a change in time: nothing else runs beside them.</summary>
[CollectionDefinition(nameof(TimedPages), DisableParallelization = true)]
public sealed class TimedPages;
