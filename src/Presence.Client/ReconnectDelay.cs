namespace Presence.Client;

/// <summary>
/// Times between attempts, so that the clients of a stopped server do not come back at one moment: random, up to
/// <see cref="First"/> at first, twice as much after each attempt, and up to <see cref="Max"/> in the end.
/// </summary>
public sealed record ReconnectDelay
{
    private const int MaxDoublings = 16;
    private const double MinShare = 0.2;

    // Less would be a busy loop: timers have a resolution of a millisecond.
    private static readonly TimeSpan Min = TimeSpan.FromMilliseconds(10);

    /// <summary>Gets the maximum before the first attempt. Default 250 ms, at least 10 ms.</summary>
    public TimeSpan First { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Gets the maximum before any attempt. Default 10 s; at least <see cref="First"/>, at most 24 days.
    /// </summary>
    public TimeSpan Max { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets the source of randomness: from 0 to less than 1.</summary>
    internal Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <exception cref="ArgumentOutOfRangeException">A value is out of range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(First, Min);
        ArgumentOutOfRangeException.ThrowIfLessThan(Max, First);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Max, PhoenixOptions.MaxWait);
    }

    /// <summary>Returns the time before an attempt, which is counted from 1.</summary>
    internal TimeSpan Before(int attempt)
    {
        var most = First * Math.Pow(2, Math.Min(attempt - 1, MaxDoublings));
        return (most < Max ? most : Max) * (MinShare + ((1 - MinShare) * Random()));
    }
}
