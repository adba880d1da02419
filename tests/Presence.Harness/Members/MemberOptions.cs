namespace Presence.Harness.Members;

/// <summary>How a member is started.</summary>
public sealed record MemberOptions
{
    /// <summary>Its name in the cluster.</summary>
    public required string Name { get; init; }

    /// <summary>The database through which members find each other; null for none.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>Where it listens; port 0 lets the system choose.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";

    /// <summary>Settings by configuration key, for example <c>Presence:Tracker:BroadcastPeriod</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Words before its command line, for example to enter a network namespace.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    /// <summary>What it did and said is written down here.</summary>
    public Histories.History History { get; init; } = new();
}
