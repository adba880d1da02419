using System.Net;
using Npgsql;
using Presence.Harness.Databases;
using Presence.Harness.Networks;

namespace Presence.Harness.Unique;

/// <summary>How one member reaches the database, and how that can be spoilt.</summary>
public interface IDatabaseLine : IAsyncDisposable
{
    string ConnectionString { get; }

    /// <summary>Words before the member's command line.</summary>
    IReadOnlyList<string> Prefix { get; }

    Task CutAsync();

    Task HealAsync();

    /// <summary>Delays what goes over the line in each direction.</summary>
    /// <returns>False if this kind of line cannot.</returns>
    bool TrySlow(TimeSpan delay);

    /// <summary>Loses so many of a hundred packets in each direction, until <see cref="RecoverAsync"/>.</summary>
    /// <returns>False if this kind of line cannot.</returns>
    Task<bool> TryLoseAsync(int percent);

    /// <returns>How many packets were lost.</returns>
    Task<long> RecoverAsync();
}

/// <summary>Through a <see cref="Relay"/>: everywhere.</summary>
public sealed class RelayedLine : IDatabaseLine
{
    private readonly Relay _relay;

    public RelayedLine(PostgresServer server, string database)
    {
        var text = new NpgsqlConnectionStringBuilder(server.ConnectionString(database));
        _relay = new Relay(new IPEndPoint(IPAddress.Parse(text.Host!), text.Port));
        (text.Host, text.Port) = (IPAddress.Loopback.ToString(), _relay.Port);
        ConnectionString = text.ConnectionString;
    }

    public string ConnectionString { get; }

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
public sealed class NamespaceLine(TestNetwork network, NetworkPlace place, PostgresServer server, string serverPlace, string database)
    : IDatabaseLine
{
    public string ConnectionString => server.ConnectionString(database);

    public IReadOnlyList<string> Prefix => place.Prefix;

    public Task CutAsync() => network.CutAsync(place.Name, serverPlace);

    public Task HealAsync() => network.HealAsync(place.Name, serverPlace);

    public bool TrySlow(TimeSpan delay) => false;

    public async Task<bool> TryLoseAsync(int percent)
    {
        if (PacketLoss.Missing is not null)
        {
            return false;
        }

        await network.LoseAsync(place.Name, serverPlace, percent);
        return true;
    }

    public Task<long> RecoverAsync() => network.RecoverAsync(place.Name, serverPlace);

    public ValueTask DisposeAsync() => default;
}
