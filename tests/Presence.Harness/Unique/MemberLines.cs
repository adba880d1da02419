namespace Presence.Harness.Unique;

/// <summary>How one member reaches the database and the other members, and how that can be disturbed.</summary>
public interface IMemberLines : IAsyncDisposable
{
    string ConnectionString { get; }

    /// <summary>Where the member listens for the others.</summary>
    IPAddress Address { get; }

    /// <summary>Words before the member's command line.</summary>
    IReadOnlyList<string> Prefix { get; }

    /// <summary>Cuts the line to the database.</summary>
    Task CutAsync();

    Task HealAsync();

    /// <summary>Cuts the lines to the database and to the other members, until <see cref="RejoinAsync"/>.</summary>
    /// <returns>False if these lines cannot.</returns>
    Task<bool> TryIsolateAsync();

    Task RejoinAsync();

    /// <summary>Delays what goes to and from the database.</summary>
    /// <returns>False if these lines cannot.</returns>
    bool TrySlow(TimeSpan delay);

    /// <summary>Loses so many of a hundred packets on all lines and in each direction, until <see cref="RecoverAsync"/>.</summary>
    /// <returns>False if these lines cannot.</returns>
    Task<bool> TryLoseAsync(int percent);

    /// <returns>How many packets were lost.</returns>
    Task<long> RecoverAsync();
}

/// <summary>On loopback, with a <see cref="Relay"/> to the database: everywhere.</summary>
public sealed class RelayedLines : IMemberLines
{
    private readonly Relay _relay;

    public RelayedLines(PostgresServer server, string database)
    {
        var text = new NpgsqlConnectionStringBuilder(server.ConnectionString(database));
        _relay = new Relay(new IPEndPoint(IPAddress.Parse(text.Host!), text.Port));
        (text.Host, text.Port) = (IPAddress.Loopback.ToString(), _relay.Port);
        ConnectionString = text.ConnectionString;
    }

    public string ConnectionString { get; }

    public IPAddress Address => IPAddress.Loopback;

    public IReadOnlyList<string> Prefix => [];

    public Task CutAsync()
    {
        _relay.Cut();
        return Task.CompletedTask;
    }

    public Task HealAsync()
    {
        _relay.Heal();
        return Task.CompletedTask;
    }

    public Task<bool> TryIsolateAsync() => Task.FromResult(false);

    public Task RejoinAsync() => Task.CompletedTask;

    public bool TrySlow(TimeSpan delay)
    {
        _relay.Delay = delay;
        return true;
    }

    public Task<bool> TryLoseAsync(int percent) => Task.FromResult(false);

    public Task<long> RecoverAsync() => Task.FromResult(0L);

    public ValueTask DisposeAsync() => _relay.DisposeAsync();
}

/// <summary>Out of a network namespace, over a router that can drop what passes: with root.</summary>
public sealed class NamespaceLines(
    TestNetwork network, NetworkPlace place, PostgresServer server, string serverPlace, IReadOnlyList<string> others, string database) : IMemberLines
{
    public string ConnectionString => server.ConnectionString(database);

    public IPAddress Address => place.Address;

    public IReadOnlyList<string> Prefix => place.Prefix;

    private IEnumerable<string> All => others.Prepend(serverPlace);

    public Task CutAsync() => network.CutAsync(place.Name, serverPlace);

    public Task HealAsync() => network.HealAsync(place.Name, serverPlace);

    public async Task<bool> TryIsolateAsync()
    {
        await network.CutAsync(place.Name, All);
        return true;
    }

    public Task RejoinAsync() => network.HealAsync(place.Name, All);

    public bool TrySlow(TimeSpan delay) => false;

    public async Task<bool> TryLoseAsync(int percent)
    {
        if (PacketLoss.Missing is not null)
        {
            return false;
        }

        await network.LoseAsync(place.Name, All, percent);
        return true;
    }

    public async Task<long> RecoverAsync() => (await network.RecoverAsync(place.Name, All)).Sum();

    public ValueTask DisposeAsync() => default;
}
