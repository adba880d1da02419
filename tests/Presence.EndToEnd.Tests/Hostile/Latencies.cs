namespace Presence.EndToEnd.Tests.Hostile;

/// <summary>A histogram of latencies in steps of 0.1 ms, up to 30 s.</summary>
internal sealed class Latencies
{
    private const double StepsPerMillisecond = 10;

    private readonly int[] _counts = new int[300_000];

    public long Count => _counts.Sum(count => (long)count);

    public void Add(TimeSpan latency) => Interlocked.Increment(
        ref _counts[Math.Clamp((int)(latency.TotalMilliseconds * StepsPerMillisecond), 0, _counts.Length - 1)]);

    /// <summary>Returns a percentile in milliseconds.</summary>
    public double Percentile(double percent)
    {
        var left = (long)Math.Ceiling(Count * percent / 100);
        var step = 0;
        while (step < _counts.Length - 1 && (left -= _counts[step]) > 0)
        {
            step++;
        }

        return (step + 1) / StepsPerMillisecond;
    }

    public override string ToString() => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"p50 {Percentile(50):0.0} ms, p99 {Percentile(99):0.0} ms, max {Percentile(100):0.0} ms of {Count} messages");
}
