namespace Presence.Processes.Tests.Unique;

/// <summary>A database server, and links for several trios: relays, and namespaces where available.</summary>
internal sealed class Site : IAsyncDisposable
{
    private readonly TestNetwork? _network;
    private readonly ConcurrentBag<int> _free;

    private Site(PostgresServer server, TestNetwork? network, int trios) =>
        (Server, _network, _free) = (server, network, [.. Enumerable.Range(0, trios)]);

    public PostgresServer Server { get; }

    /// <param name="inNamespaces">Whether to use namespaces where available.</param>
    public static async Task<Site> StartAsync(int trios, bool inNamespaces = true)
    {
        PostgresServer.Require();
        var network = inNamespaces && TestNetwork.Missing is null ? await TestNetwork.CreateAsync() : null;
        try
        {
            return new Site(
                await SiloSite.StartServerAsync(network, new PostgresServerOptions { MaxConnections = 600 }),
                network,
                trios);
        }
        catch
        {
            await (network?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }
    }

    /// <summary>Returns links for three nodes. Dispose them after the nodes have ended, for the next trio.</summary>
    public async Task<TrioPlace> StartAsync(bool inNamespaces)
    {
        if (_network is null || !inNamespaces)
        {
            return new TrioPlace(
                [.. Enumerable.Range(0, 3).Select(_ => new RelayedLines(Server, "postgres"))],
                IPAddress.Loopback,
                () => { });
        }

        if (!_free.TryTake(out var number))
        {
            throw new InvalidOperationException("More trios than the site was made for.");
        }

        var lines = new List<INodeOutput>();
        string[] names = [.. Enumerable.Range(0, 3).Select(node => $"{number}/{UniqueTrio.Name(node)}")];
        foreach (var name in names)
        {
            lines.Add(new NamespaceLines(
                _network,
                await _network.AddAsync(name),
                Server,
                SiloSite.Database,
                [.. names.Except([name])],
                "postgres"));
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

/// <summary>The places of three nodes.</summary>
/// <param name="ResourceAddress">The address by which they reach this machine, whatever is cut.</param>
internal sealed record TrioPlace(
    IReadOnlyList<INodeOutput> Lines, IPAddress ResourceAddress, Action Leave) : IDisposable
{
    public void Dispose() => Leave();
}
