namespace Presence.Harness.Databases;

/// <summary>Options of a <see cref="PostgresServer"/>.</summary>
public sealed record PostgresServerOptions
{
    /// <summary>The address that it listens on. Default loopback.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Prefix of its command line, for example to enter a network namespace.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>Network from which it accepts connections with password, for example <c>198.18.0.0/15</c>.</summary>
    public string? AllowedNetwork { get; init; }

    public int MaxConnections { get; init; } = 200;

    /// <summary>More settings, as in <c>postgresql.conf</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
