namespace Presence.Harness.Databases;

/// <summary>Where and how a server runs.</summary>
public sealed record PostgresServerOptions
{
    /// <summary>What it listens on; by default loopback.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Words before its command line, for example to enter a network namespace.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>Whom it lets in beside this machine, with the password; for example <c>198.18.0.0/15</c>.</summary>
    public string? AllowedNetwork { get; init; }

    public int MaxConnections { get; init; } = 200;

    /// <summary>Further settings, as in <c>postgresql.conf</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
