using Presence.Harness;

namespace Presence.Postgres.Tests.Support;

/// <summary>A separate schema in the test database, dropped at the end.</summary>
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

    /// <summary>Opens a schema on the shared server, or on one that the test may stop.</summary>
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

    /// <summary>Repeats a query until it returns true.</summary>
    public Task UntilAsync(string question) =>
        TestTimeouts.UntilAsync(question, TimeSpan.FromSeconds(60), () => ReadAsync<bool>($"SELECT ({question})"));

    public async ValueTask DisposeAsync() => await RunAsync($"DROP SCHEMA IF EXISTS {Schema} CASCADE");
}
