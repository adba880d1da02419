namespace Presence.Dashboard;

/// <summary>The body of <c>cluster</c>: that of <c>/api/cluster</c>, what every member says of every other, and what happened.</summary>
internal sealed record ClusterReport : ClusterView
{
    private ClusterReport(ClusterView own)
        : base(own)
    {
    }

    public required IReadOnlyList<PairView> Pairs { get; init; }

    public required IReadOnlyList<ClusterEvent> Events { get; init; }

    public required long At { get; init; }

    /// <param name="own">What this member sees.</param>
    /// <param name="others">What the others said lately.</param>
    /// <param name="events">What this member noticed, the latest first.</param>
    /// <param name="at">Now.</param>
    public static ClusterReport Of(
        ClusterView own, IReadOnlyCollection<ClusterView> others, IReadOnlyList<ClusterEvent> events, DateTimeOffset at)
    {
        // A member that drains says so itself before anybody could notice.
        var draining = others.Where(o => o.State is "draining" or "stopped").Select(o => o.Node).ToHashSet(StringComparer.Ordinal);
        return new ClusterReport(own)
        {
            Members = [.. own.Members.Select(m => draining.Contains(m.Name) && m.Status == "up" ? m with { Status = "draining" } : m)],
            Pairs = [.. others.Prepend(own).SelectMany(PairView.Of)],
            Events = events,
            At = at.ToUnixTimeMilliseconds(),
        };
    }
}

/// <summary>How well one member knows another, over all shards.</summary>
/// <param name="From">Who looks.</param>
/// <param name="To">Whom it looks at.</param>
/// <param name="Status"><c>up</c>, or <c>down</c> if any of its shards is.</param>
/// <param name="LagMs">Age of the oldest change that is known to be missing, in milliseconds; 0 if nothing is.</param>
/// <param name="SilentMs">Time since it was heard, in milliseconds.</param>
/// <param name="Entries">Presences of it that are held.</param>
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

/// <summary>Something this member noticed.</summary>
/// <param name="At">When, in milliseconds of its clock.</param>
/// <param name="Node">The member it is about.</param>
/// <param name="What">A word for it: <c>joined</c>, <c>down</c>, <c>up</c>, <c>draining</c>, <c>restarted</c>, <c>left</c>, <c>behind</c>, <c>caught_up</c>, <c>away</c>, <c>connected</c>.</param>
/// <param name="Detail">A sentence.</param>
internal sealed record ClusterEvent(long At, string Node, string What, string Detail);
