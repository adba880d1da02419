using System.Threading.RateLimiting;

namespace Presence.Channels.Transport;

/// <summary>Limits handshakes per second, of each address and of the node.</summary>
internal sealed class HandshakeRate : IDisposable
{
    // What may come at once, in seconds of the average.
    private const int Burst = 10;
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    private readonly PartitionedRateLimiter<UInt128>? _limiter;

    public HandshakeRate(ChannelLimits limits)
    {
        // The address first: what it is denied must not use up the node's.
        PartitionedRateLimiter<UInt128>[] limiters =
        [
            .. Create(limits.MaxHandshakesPerAddress, static address => address),
            .. Create(limits.MaxHandshakesPerSecond, static _ => UInt128.Zero),
        ];
        _limiter = limiters.Length == 0 ? null : PartitionedRateLimiter.CreateChained(limiters);
    }

    public bool TryAcquire(UInt128 address)
    {
        using var lease = _limiter?.AttemptAcquire(address);
        return lease?.IsAcquired != false;
    }

    public void Dispose() => _limiter?.Dispose();

    private static IEnumerable<PartitionedRateLimiter<UInt128>> Create(int rate, Func<UInt128, UInt128> partition)
    {
        if (rate > 0)
        {
            var options = new TokenBucketRateLimiterOptions
            {
                TokenLimit = rate * Burst,
                TokensPerPeriod = rate,
                ReplenishmentPeriod = Period,
            };
            yield return PartitionedRateLimiter.Create<UInt128, UInt128>(
                address => RateLimitPartition.GetTokenBucketLimiter(partition(address), _ => options));
        }
    }
}
