namespace Presence.Harness.Unique;

/// <summary>The network links of one node to the database and the other nodes, which tests can disturb.</summary>
public interface INodeOutput : IAsyncDisposable
{
    string ConnectionString { get; }

    /// <summary>The address on which the node listens for the others.</summary>
    IPAddress Address { get; }

    /// <summary>Prefix of the node's command line.</summary>
    IReadOnlyList<string> Prefix { get; }

    /// <summary>Cuts the link to the database.</summary>
    Task CutAsync();

    Task HealAsync();

    /// <summary>Cuts the links to the database and to the other nodes, until <see cref="RejoinAsync"/>.</summary>
    /// <returns>False if not supported.</returns>
    Task<bool> TryIsolateAsync();

    Task RejoinAsync();

    /// <summary>Delays the data to and from the database.</summary>
    /// <returns>False if not supported.</returns>
    bool TrySlow(TimeSpan delay);

    /// <summary>Drops random packets on all links in each direction, until <see cref="RecoverAsync"/>.</summary>
    /// <returns>False if not supported.</returns>
    Task<bool> TryLoseAsync(int percent);

    /// <returns>The number of dropped packets.</returns>
    Task<long> RecoverAsync();
}

/// <summary>On loopback, with a <see cref="Relay"/> to the database; needs no rights.</summary>
public sealed class RelayedLines : INodeOutput
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

/// <summary>In a network namespace, behind a router that can drop packets; needs root.</summary>
public sealed class NamespaceLines(
    TestNetwork network,
    NetworkPlace place,
    PostgresServer server,
    string serverPlace,
    IReadOnlyList<string> others,
    string database) : INodeOutput
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
