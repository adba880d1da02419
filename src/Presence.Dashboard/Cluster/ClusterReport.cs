using Presence.Node.Telemetry;

namespace Presence.Dashboard.Cluster;

/// <summary>Body of <c>cluster</c>: that of <c>/api/cluster</c>, the view of each pair of nodes, and events.</summary>
internal sealed record ClusterReport : ClusterView
{
    private ClusterReport(ClusterView own) : base(own) { }

    public required IReadOnlyList<PairView> Pairs { get; init; }

    /// <summary>Gets the sessions of each node that reports.</summary>
    public required IReadOnlyDictionary<string, SessionsView> NodeSessions { get; init; }

    /// <summary>Gets the numbers of each node that reports.</summary>
    public required IReadOnlyDictionary<string, NumbersView> NodeNumbers { get; init; }

    /// <summary>Gets the slow consumers of each node that reports.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<SlowConsumer>> NodeSlow { get; init; }

    public required IReadOnlyList<ClusterEvent> Events { get; init; }
    public required long At { get; init; }

    public static ClusterReport Of(
        ClusterView own, IReadOnlyCollection<ClusterView> others, IReadOnlyList<ClusterEvent> events, DateTimeOffset at)
    {
        // A draining node reports it before other nodes detect it.
        var draining = others.Where(o => o.State is "draining" or "stopped")
            .Select(o => o.Node).ToHashSet(StringComparer.Ordinal);
        return new ClusterReport(own)
        {
            Nodes =
            [
                .. own.Nodes.Select(node => node with
                {
                    Status = draining.Contains(node.Name) && node.Status == "up" ? "draining" : node.Status,
                    Version = node.Version ?? others.FirstOrDefault(o => o.Node == node.Name)?.Version,
                }),
            ],
            Pairs = [.. others.Prepend(own).SelectMany(PairView.Of)],
            NodeSessions = others.Prepend(own).Where(view => view.Sessions is not null)
                .ToDictionary(view => view.Node, view => view.Sessions!, StringComparer.Ordinal),
            NodeNumbers = others.Prepend(own).Where(view => view.Numbers is not null)
                .ToDictionary(view => view.Node, view => view.Numbers!, StringComparer.Ordinal),
            NodeSlow = others.Prepend(own).Where(view => view.Slow is { Count: > 0 })
                .ToDictionary(view => view.Node, view => view.Slow!, StringComparer.Ordinal),
            Events = events,
            At = at.ToUnixTimeMilliseconds(),
        };
    }
}

/// <summary>View of one node on another, over all shards: the largest lag, the shortest silence.</summary>
internal sealed record PairView(string From, string To, string Status, double LagMs, double SilentMs, int Entries)
{
    public static IEnumerable<PairView> Of(ClusterView view) => view.Replicas
        .GroupBy(replica => replica.Node, StringComparer.Ordinal)
        .OrderBy(replicas => replicas.Key, StringComparer.Ordinal)
        .Select(replicas => new PairView(
            view.Node,
            replicas.Key,
            replicas.All(r => r.Status == "up") ? "up" : "down",
            replicas.Max(r => r.LagMs),
            replicas.Min(r => r.SilentMs),
            replicas.Sum(r => r.Entries)));
}

/// <summary>A change in the cluster.</summary>
internal sealed record ClusterEvent(long At, string Node, string What, string Detail);
