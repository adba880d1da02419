using Presence.Benchmarks.Measuring;

namespace Presence.Benchmarks.Rows;

/// <summary>All rows, in the order of the baseline.</summary>
internal static class Catalog
{
    public static IReadOnlyList<Row> All { get; } =
    [
        .. WriteRows.All,
        .. ReadRows.All,
        .. MemoryRows.All,
        .. MergeRows.All,
        .. ClusterRows.All,
        .. PostgresRows.All,
        .. ChannelRows.All,
#if ORLEANS
        .. OrleansCallRows.All,
        .. OrleansClusterRows.All,
#endif
    ];
}
