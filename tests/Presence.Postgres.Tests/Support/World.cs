namespace Presence.Postgres.Tests.Support;

/// <summary>A store of leases in a schema of its own.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly PostgresSource _source;

    private World(Database database, Relay? relay, Action<PresencePostgresOptions>? configure)
    {
        (Database, Relay) = (database, relay);
        _source = new PostgresSource(
            database.Options(o =>
            {
                o.PollInterval = TimeSpan.FromMilliseconds(100);
                configure?.Invoke(o);
            }),
            "leases");
        Store = new PostgresLeaseStore(_source, Log);
    }

    public Database Database { get; }

    /// <summary>The way to the database, where there is one that can be cut.</summary>
    public Relay? Relay { get; }

    public FakeLogger<PostgresLeaseStore> Log { get; } = new();

    public PostgresLeaseStore Store { get; }

    public static async Task<World> OpenAsync(
        PostgresServer? server = null, Action<PresencePostgresOptions>? configure = null) =>
        new(await Database.OpenAsync(server), null, configure);

    /// <summary>A world whose store reaches the database through a relay.</summary>
    public static async Task<World> OpenWithRelayAsync(Action<PresencePostgresOptions>? configure = null)
    {
        var database = await Database.OpenAsync();
        var text = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        var relay = new Relay(new(IPAddress.Parse(text.Host!), text.Port));
        (text.Host, text.Port) = ("127.0.0.1", relay.Port);
        return new(database, relay, options =>
        {
            options.ConnectionString = text.ConnectionString;
            configure?.Invoke(options);
        });
    }

    /// <summary>The reason for which a lease cannot be had.</summary>
    public static async Task<string> FailureAsync(Database database, Action<PresencePostgresOptions> configure)
    {
        await using var world = new World(database, null, configure);
        return (await Assert.ThrowsAsync<PresencePostgresException>(
            () => world.Store.AcquireAsync("x", "ann", TimeSpan.FromMinutes(5), default).AsTask())).Message;
    }

    public async Task<Node.LeaseAnswer> UntilHeldAsync(string name, string holder, TimeSpan duration)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var answer = await Store.AcquireAsync(name, holder, duration, patience.Token);
            if (answer.IsHeld)
            {
                return answer;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Store.Dispose();
        await _source.DisposeAsync();
        await (Relay?.DisposeAsync() ?? default);
        await Database.DisposeAsync();
    }
}
