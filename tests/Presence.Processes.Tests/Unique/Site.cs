using System.Collections.Concurrent;
using System.Net;
using Presence.Harness.Databases;
using Presence.Harness.Networks;
using Presence.Harness.Unique;

namespace Presence.Processes.Tests.Unique;

/// <summary>A database server and lines to it for several trios side by side: relays, and namespaces where those are to be had.</summary>
internal sealed class Site : IAsyncDisposable
{
    private const string Database = "database";

    private readonly TestNetwork? _network;
    private readonly ConcurrentBag<int> _free;

    private Site(PostgresServer server, TestNetwork? network, int trios) =>
        (Server, _network, _free) = (server, network, [.. Enumerable.Range(0, trios)]);

    public PostgresServer Server { get; }

    /// <param name="trios">How many at once.</param>
    /// <param name="inNamespaces">Whether to have namespaces if they are to be had.</param>
    public static async Task<Site> StartAsync(int trios, bool inNamespaces = true)
    {
        PostgresServer.Require();
        var options = new PostgresServerOptions { MaxConnections = 600 };
        if (!inNamespaces || TestNetwork.Missing is not null)
        {
            return new Site(await PostgresServer.StartAsync(options), null, trios);
        }

        var network = await TestNetwork.CreateAsync();
        try
        {
            var place = await network.AddAsync(Database);
            var server = await PostgresServer.StartAsync(
                options with { Address = place.Address, Prefix = place.Prefix, AllowedNetwork = "198.18.0.0/15" });
            return new Site(server, network, trios);
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Lines for three members. Dispose of what is returned after their end, for the next trio.</summary>
    public async Task<TrioPlace> EnterAsync(bool inNamespaces)
    {
        if (_network is null || !inNamespaces)
        {
            return new TrioPlace([.. Enumerable.Range(0, 3).Select(_ => new RelayedLine(Server, "postgres"))], IPAddress.Loopback, () => { });
        }

        if (!_free.TryTake(out var number))
        {
            throw new InvalidOperationException("More trios than the site was made for.");
        }

        var lines = new List<IDatabaseLine>();
        for (var member = 0; member < 3; member++)
        {
            var place = await _network.AddAsync($"{number}/{UniqueTrio.Name(member)}");
            lines.Add(new NamespaceLine(_network, place, Server, Database, "postgres"));
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
/// <param name="Lines">To the database, one for each.</param>
/// <param name="ResourceAddress">By which they reach this machine whatever is cut.</param>
/// <param name="Leave">Makes room.</param>
internal sealed record TrioPlace(IReadOnlyList<IDatabaseLine> Lines, IPAddress ResourceAddress, Action Leave) : IDisposable
{
    public void Dispose() => Leave();
}
