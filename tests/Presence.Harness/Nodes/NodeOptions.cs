namespace Presence.Harness.Nodes;

/// <summary>Options of a <see cref="NodeProcess"/>.</summary>
public sealed record NodeOptions
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The host that it runs. Default: of this version.</summary>
    public HostBuild Host { get; init; } = HostFiles.Current;

    /// <summary>Connection string of the cluster's database; null for none.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>The URL that it listens on; with port 0 the system selects the port.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";

    /// <summary>Settings by configuration key, for example <c>Presence:Tracker:BroadcastPeriod</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Prefix of its command line, for example to enter a network namespace.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>The history that records its events.</summary>
    public Histories.History History { get; init; } = new();
}
