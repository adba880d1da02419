namespace Presence.Benchmarks.Rows;

/// <summary>All rows, in the order of the baseline.</summary>
internal static class Catalog
{
    /// <summary>
    /// Rows of the baseline, which need only this process; a quick run without a filter measures these.
    /// </summary>
    public static IReadOnlyList<Row> Core { get; } =
    [
        .. WriteRows.All,
        .. ReadRows.All,
        .. MemoryRows.All,
        .. MergeRows.All,
        .. ClusterRows.All,
        .. KeyWatchRows.All,
    ];

    public static IReadOnlyList<Row> All { get; } =
    [
        .. Core,
        .. ReadRows.AsAnyThread,
        .. ViewRows.All,
        .. ManyNodesRows.All,
        .. ChannelRows.All,
        .. HubRows.All,
        .. PeerRows.All,
        .. ViewerRows.All,
        .. OrleansCallRows.All,
        .. OrleansTrackRows.All,
        .. HugeRows.All,
        .. OrleansClusterRows.All,
        .. OrleansWatchRows.All,
        .. OrleansByHandRows.All,
    ];
}
