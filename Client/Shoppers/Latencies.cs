namespace Presence.CommandLine;

/// <summary>How long things took, to about three percent, in constant memory and from any thread.</summary>
internal sealed class Latencies
{
    private const double Smallest = 0.05;
    private const double Growth = 1.03;
    private static readonly double LogGrowth = Math.Log(Growth);

    private readonly long[] _buckets = new long[600];
    private long _count;
    private long _largest;

    public long Count => Volatile.Read(ref _count);

    /// <summary>The longest, in milliseconds; 0 if there is none.</summary>
    public double Max => BitConverter.Int64BitsToDouble(Volatile.Read(ref _largest));

    public void Add(TimeSpan time)
    {
        var ms = time.TotalMilliseconds;
        var bucket = ms <= Smallest ? 0 : (int)(Math.Log(ms / Smallest) / LogGrowth) + 1;
        Interlocked.Increment(ref _buckets[Math.Min(bucket, _buckets.Length - 1)]);
        Interlocked.Increment(ref _count);
        // Positive doubles are ordered as their bits are.
        var bits = BitConverter.DoubleToInt64Bits(ms);
        var known = Volatile.Read(ref _largest);
        while (bits > known && Interlocked.CompareExchange(ref _largest, bits, known) is var seen && seen != known)
        {
            known = seen;
        }
    }

    /// <summary>Milliseconds below which the given part of all stayed; 0 if there are none.</summary>
    public double Quantile(double part)
    {
        var wanted = (long)Math.Ceiling(Count * part);
        var passed = 0L;
        for (var i = 0; i < _buckets.Length && wanted > 0; i++)
        {
            passed += Volatile.Read(ref _buckets[i]);
            if (passed >= wanted)
            {
                return Math.Min(Smallest * Math.Pow(Growth, i), Max);
            }
        }

        return 0;
    }
}
