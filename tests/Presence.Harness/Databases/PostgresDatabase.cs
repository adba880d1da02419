namespace Presence.Harness.Databases;

/// <summary>A database for one test; dropped at the end, with open connections.</summary>
public sealed class PostgresDatabase(PostgresServer server, string name) : IAsyncDisposable
{
    public PostgresServer Server => server;

    public string Name => name;

    public string ConnectionString => server.ConnectionString(name);

    /// <summary>Runs a statement.</summary>
    public async Task RunAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Returns the first value of the first row.</summary>
    public async Task<T> ReadAsync<T>(string sql)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Ends all other sessions of this database.</summary>
    public Task EndSessionsAsync() => RunAsync(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        + "WHERE pid <> pg_backend_pid() AND datname = current_database()");

    public async ValueTask DisposeAsync()
    {
        try
        {
            await server.RunAsync($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        }
        catch (NpgsqlException e) when (e is not PostgresException)
        {
            // The test has stopped the server, whose removal deletes the database.
        }
    }
}
