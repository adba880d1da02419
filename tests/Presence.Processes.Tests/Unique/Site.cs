namespace Presence.Processes.Tests.Unique;

/// <summary>A database server, and lines for several trios side by side: relays, and namespaces where those are to be had.</summary>
internal sealed class Site : IAsyncDisposable
{
    private readonly TestNetwork? _network;
    private readonly ConcurrentBag<int> _free;

    private Site(PostgresServer server, TestNetwork? network, int trios) =>
        (Server, _network, _free) = (server, network, [.. Enumerable.Range(0, trios)]);

    public PostgresServer Server { get; }

    /// <param name="inNamespaces">Whether to have namespaces if they are to be had.</param>
    public static async Task<Site> StartAsync(int trios, bool inNamespaces = true)
    {
        PostgresServer.Require();
        var network = inNamespaces && TestNetwork.Missing is null ? await TestNetwork.CreateAsync() : null;
        try
        {
            return new Site(await SiloSite.StartServerAsync(network, new PostgresServerOptions { MaxConnections = 600 }), network, trios);
        }
        catch
        {
            await (network?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }
    }

    /// <summary>Lines for three members. Dispose of what is returned after their end, for the next trio.</summary>
    public async Task<TrioPlace> EnterAsync(bool inNamespaces)
    {
        if (_network is null || !inNamespaces)
        {
            return new TrioPlace([.. Enumerable.Range(0, 3).Select(_ => new RelayedLines(Server, "postgres"))], IPAddress.Loopback, () => { });
        }

        if (!_free.TryTake(out var number))
        {
            throw new InvalidOperationException("More trios than the site was made for.");
        }

        var lines = new List<IMemberLines>();
        string[] names = [.. Enumerable.Range(0, 3).Select(member => $"{number}/{UniqueTrio.Name(member)}")];
        foreach (var name in names)
        {
            lines.Add(new NamespaceLines(_network, await _network.AddAsync(name), Server, SiloSite.Database, [.. names.Except([name])], "postgres"));
        }

        return new TrioPlace(lines, _network.HostAddress, () => _free.Add(number));
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (_network is not null)
        {
            await _network.DisposeAsync();
        }
    }
}

/// <summary>Where three members live.</summary>
/// <param name="ResourceAddress">By which they reach this machine whatever is cut.</param>
internal sealed record TrioPlace(IReadOnlyList<IMemberLines> Lines, IPAddress ResourceAddress, Action Leave) : IDisposable
{
    public void Dispose() => Leave();
}
