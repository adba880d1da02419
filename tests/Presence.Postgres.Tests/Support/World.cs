using Presence.Postgres.Leases;

namespace Presence.Postgres.Tests.Support;

/// <summary>A lease store in a separate schema.</summary>
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

    /// <summary>The relay to the database, if there is one.</summary>
    public Relay? Relay { get; }

    public FakeLogger<PostgresLeaseStore> Log { get; } = new();

    public PostgresLeaseStore Store { get; }

    public static async Task<World> OpenAsync(
        PostgresServer? server = null, Action<PresencePostgresOptions>? configure = null) =>
        new(await Database.OpenAsync(server), null, configure);

    /// <summary>Opens a store that connects through a relay.</summary>
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

    /// <summary>Returns the message of a failing acquisition.</summary>
    public static async Task<string> FailureAsync(Database database, Action<PresencePostgresOptions> configure)
    {
        await using var world = new World(database, null, configure);
        return (await Assert.ThrowsAsync<PresencePostgresException>(
            () => world.Store.AcquireAsync("x", "ann", TimeSpan.FromMinutes(5), default).AsTask())).Message;
    }

    public async Task<Node.LeaseResult> UntilHeldAsync(string name, string holder, TimeSpan duration)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            var result = await Store.AcquireAsync(name, holder, duration, timeout.Token);
            if (result.IsHeld)
            {
                return result;
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
