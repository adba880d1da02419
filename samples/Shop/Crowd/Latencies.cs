namespace Presence.CommandLine;

/// <summary>A histogram of durations, accurate to three percent, in constant memory. Thread-safe.</summary>
internal sealed class Latencies
{
    private const double Smallest = 0.05;
    private const double Growth = 1.03;
    private static readonly double LogGrowth = Math.Log(Growth);

    private readonly long[] _buckets = new long[600];
    private long _count;
    private long _largest;

    public long Count => Volatile.Read(ref _count);

    /// <summary>Gets the longest duration in milliseconds; null if there is none.</summary>
    public double? Max => Count == 0 ? null : Largest;

    private double Largest => BitConverter.Int64BitsToDouble(Volatile.Read(ref _largest));

    public void Add(TimeSpan time)
    {
        var ms = time.TotalMilliseconds;
        var bucket = ms <= Smallest ? 0 : (int)(Math.Log(ms / Smallest) / LogGrowth) + 1;
        Interlocked.Increment(ref _buckets[Math.Min(bucket, _buckets.Length - 1)]);
        Interlocked.Increment(ref _count);
        // Positive doubles have the same order as their bits.
        var bits = BitConverter.DoubleToInt64Bits(ms);
        var largest = Volatile.Read(ref _largest);
        while (bits > largest && Interlocked.CompareExchange(ref _largest, bits, largest) is var now && now != largest)
        {
            largest = now;
        }
    }

    /// <summary>Returns a quantile in milliseconds; null if there are no durations.</summary>
    public double? Quantile(double part)
    {
        var rank = (long)Math.Ceiling(Count * part);
        var passed = 0L;
        for (var i = 0; i < _buckets.Length && rank > 0; i++)
        {
            passed += Volatile.Read(ref _buckets[i]);
            if (passed >= rank)
            {
                return Math.Min(Smallest * Math.Pow(Growth, i), Largest);
            }
        }

        return null;
    }
}
