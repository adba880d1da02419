using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;
using Presence.Benchmarks.Measuring;
using Presence.Harness.Databases;
using Presence.Node;
using Presence.Postgres;

namespace Presence.Benchmarks.Subjects;

/// <summary>Members joined by a PostgreSQL server of their own, with default options.</summary>
internal sealed class PostgresMembers : IAsyncDisposable
{
    private readonly PostgresServer _server;
    private readonly List<(PresenceNode Node, PostgresLink Link, PostgresSource Source)> _members = [];

    private PostgresMembers(PostgresServer server) => _server = server;

    public IPresenceNode this[int index] => _members[index].Node;

    /// <exception cref="CannotBeMeasuredException">There is no PostgreSQL on this machine.</exception>
    public static async Task<PostgresMembers> StartAsync(int count)
    {
        if (PostgresBinaries.Missing is { } why)
        {
            throw new CannotBeMeasuredException(why);
        }

        var members = new PostgresMembers(await PostgresServer.StartAsync());
        for (var i = 0; i < count; i++)
        {
            await members.AddAsync();
        }

        return members;
    }

    public async Task<IPresenceNode> AddAsync()
    {
        var options = new PresenceOptions { NodeName = $"member-{_members.Count + 1}" };
        var source = new PostgresSource(
            new PresencePostgresOptions { ConnectionString = _server.ConnectionString() }, options.NodeName);
        var link = new PostgresLink(options.NodeName, source, NullLogger<PostgresLink>.Instance);
        var node = new PresenceNode(link, Options.Create(options), TimeProvider.System, NullLogger<PresenceNode>.Instance);
        _members.Add((node, link, source));
        await node.StartAsync(CancellationToken.None);
        return node;
    }

    /// <summary>Transactions the database has run so far, this question left out; each statement of a member is one.</summary>
    public async Task<long> TransactionsAsync()
    {
        await using var source = NpgsqlDataSource.Create(_server.ConnectionString("template1") + ";Pooling=false");
        await using var command = source.CreateCommand(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (node, link, source) in _members)
        {
            await node.StopAsync(CancellationToken.None);
            node.Dispose();
            link.Dispose();
            await source.DisposeAsync();
        }

        await _server.DisposeAsync();
    }
}
