namespace Presence.Postgres.Tests.Support;

/// <summary>A schema of its own in the database of the tests, dropped at the end.</summary>
internal sealed class Database : IAsyncDisposable
{
    private static int s_last;

    private Database(string connectionString)
    {
        ConnectionString = connectionString;
        Schema = $"t{Environment.ProcessId}_{Interlocked.Increment(ref s_last)}";
    }

    public string ConnectionString { get; }

    public string Schema { get; }

    /// <summary>On the server that all tests share, or on one that the test may stop.</summary>
    public static async Task<Database> OpenAsync(PostgresServer? server = null) =>
        new((server ?? await PostgresServer.SharedAsync()).ConnectionString());

    public PresencePostgresOptions Options(Action<PresencePostgresOptions>? configure = null)
    {
        var options = new PresencePostgresOptions { ConnectionString = ConnectionString, Schema = Schema };
        configure?.Invoke(options);
        return options;
    }

    public async Task<T> ReadAsync<T>(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task RunAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Asks until the answer is true. The round trip is the pause.</summary>
    public async Task UntilAsync(string question)
    {
        var begun = System.Diagnostics.Stopwatch.StartNew();
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT ({question}) FROM pg_sleep(0.02)", connection);
        while (await command.ExecuteScalarAsync() is not true)
        {
            Assert.True(begun.Elapsed < TimeSpan.FromSeconds(60), $"In 60 s it did not become so: {question}");
        }
    }

    public async ValueTask DisposeAsync() => await RunAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
}
