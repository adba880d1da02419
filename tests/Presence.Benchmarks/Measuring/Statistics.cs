namespace Presence.Benchmarks.Measuring;

/// <summary>Computes figures from samples.</summary>
internal static class Statistics
{
    /// <summary>
    /// How long a small operation runs before it is timed, so that the JIT compiler has optimized it.
    /// </summary>
    private static readonly TimeSpan Warmth = TimeSpan.FromMilliseconds(500);

    public static double Median(IEnumerable<double> samples) => Percentile(samples, 0.5);

    /// <summary>Returns the smallest sample that at least this share of all samples does not exceed.</summary>
    public static double Percentile(IEnumerable<double> samples, double share)
    {
        var sorted = samples.Order().ToArray();
        return sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }

    /// <summary>
    /// Median time of one call in microseconds. Calls are timed in batches, for the clock's own cost.
    /// </summary>
    public static double MicrosecondsPerCall(int samples, int batch, Action call)
    {
        var times = new double[samples];
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < Warmth;)
        {
            call();
        }

        for (var i = 0; i < samples; i++)
        {
            var begun = Stopwatch.GetTimestamp();
            for (var j = 0; j < batch; j++)
            {
                call();
            }

            times[i] = Stopwatch.GetElapsedTime(begun).TotalMicroseconds / batch;
        }

        return Median(times);
    }
}
