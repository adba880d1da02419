namespace Presence.Client;

/// <summary>
/// Times between attempts, so that the clients of a stopped server do not come back at one moment: random, up to
/// <see cref="First"/> at first, twice as much after each attempt, and up to <see cref="Max"/> in the end.
/// </summary>
public sealed record ReconnectDelay
{
    private const int MaxDoublings = 16;
    private const double MinShare = 0.2;

    /// <summary>Gets the maximum before the first attempt. Default 250 ms.</summary>
    public TimeSpan First { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Gets the maximum before any attempt. Default 10 s.</summary>
    public TimeSpan Max { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets the source of randomness: from 0 to less than 1.</summary>
    internal Func<double> Random { get; init; } = System.Random.Shared.NextDouble;

    /// <summary>Returns the time before an attempt, which is counted from 1.</summary>
    internal TimeSpan Before(int attempt)
    {
        var most = First * Math.Pow(2, Math.Min(attempt - 1, MaxDoublings));
        return (most < Max ? most : Max) * (MinShare + ((1 - MinShare) * Random()));
    }
}
