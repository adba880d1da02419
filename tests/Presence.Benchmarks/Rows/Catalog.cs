namespace Presence.Benchmarks.Rows;

/// <summary>All rows, in the order of the baseline.</summary>
internal static class Catalog
{
    /// <summary>Rows that need nothing but this program: those of the baseline. All that a quick run has time for.</summary>
    public static IReadOnlyList<Row> Core { get; } =
    [
        .. WriteRows.All,
        .. ReadRows.All,
        .. MemoryRows.All,
        .. MergeRows.All,
        .. ClusterRows.All,
    ];

    public static IReadOnlyList<Row> All { get; } =
    [
        .. Core,
        .. ReadRows.AsAnyThread,
        .. ChannelRows.All,
        .. OrleansCallRows.All,
        .. OrleansTrackRows.All,
        .. OrleansClusterRows.All,
    ];
}
