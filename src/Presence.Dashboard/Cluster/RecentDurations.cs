namespace Presence.Dashboard.Cluster;

/// <summary>The last durations that an instrument has recorded.</summary>
internal sealed class RecentDurations
{
    /// <summary>Number of durations that are kept: so many are sorted once a second.</summary>
    public const int Capacity = 1024;

    private readonly double[] _seconds = new double[Capacity];
    private long _count;

    /// <summary>Adds a duration; from any thread.</summary>
    public void Add(double seconds) =>
        Volatile.Write(ref _seconds[(Interlocked.Increment(ref _count) - 1) % Capacity], seconds);

    public Percentiles Percentiles()
    {
        var count = (int)Math.Min(Volatile.Read(ref _count), Capacity);
        var milliseconds = new double[count];
        for (var i = 0; i < count; i++)
        {
            milliseconds[i] = 1000 * Volatile.Read(ref _seconds[i]);
        }

        return Dashboard.Cluster.Percentiles.Of(milliseconds);
    }
}

/// <summary>Percentiles in milliseconds; 0 if there is nothing to take them of.</summary>
/// <param name="P50Ms">The median.</param>
/// <param name="P99Ms">The 99th percentile.</param>
internal readonly record struct Percentiles(double P50Ms, double P99Ms)
{
    /// <param name="milliseconds">The values, which are sorted.</param>
    public static Percentiles Of(double[] milliseconds)
    {
        Array.Sort(milliseconds);
        return milliseconds.Length == 0 ? default : new(At(0.5), At(0.99));

        double At(double part) => milliseconds[(int)(part * milliseconds.Length)];
    }
}
