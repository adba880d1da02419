using Presence.Harness;

namespace Presence.Postgres.Tests.Support;

/// <summary>A schema of its own in the database of the tests, dropped at the end.</summary>
internal sealed class Database : IAsyncDisposable
{
    private static int s_last;

    private readonly PostgresServer _server;

    private Database(PostgresServer server)
    {
        _server = server;
        Schema = $"t{Environment.ProcessId}_{Interlocked.Increment(ref s_last)}";
    }

    public string ConnectionString => _server.ConnectionString();

    public string Schema { get; }

    /// <summary>On the server that all tests share, or on one that the test may stop.</summary>
    public static async Task<Database> OpenAsync(PostgresServer? server = null) =>
        new(server ?? await PostgresServer.SharedAsync());

    public PresencePostgresOptions Options(Action<PresencePostgresOptions>? configure = null)
    {
        var options = new PresencePostgresOptions { ConnectionString = ConnectionString, Schema = Schema };
        configure?.Invoke(options);
        return options;
    }

    public Task<T> ReadAsync<T>(string sql) => _server.ReadAsync<T>(sql);

    public Task RunAsync(string sql) => _server.RunAsync(sql);

    /// <summary>Asks until the answer is true.</summary>
    public Task UntilAsync(string question) =>
        Patience.UntilAsync(question, TimeSpan.FromSeconds(60), () => ReadAsync<bool>($"SELECT ({question})"));

    public async ValueTask DisposeAsync() => await RunAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
}
