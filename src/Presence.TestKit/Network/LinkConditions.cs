namespace Presence.TestKit;

/// <summary>The conditions of one direction of a link. Probabilities are per frame, from 0 to 1.</summary>
public sealed record LinkConditions
{
    /// <summary>Gets a link without loss; frames may overtake each other within the delay range.</summary>
    public static LinkConditions Good { get; } = new();

    /// <summary>Minimum delay. Default 1 ms.</summary>
    public TimeSpan MinDelay { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Maximum delay without reordering. Default 10 ms.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Probability that a frame is lost. Default 0.</summary>
    public double Loss { get; init; }

    /// <summary>Probability that a frame arrives twice. Default 0.</summary>
    public double Duplication { get; init; }

    /// <summary>Probability of an extra delay, so that later frames overtake this one. Default 0.</summary>
    public double Reordering { get; init; }

    /// <summary>Maximum extra delay. Default 100 ms.</summary>
    public TimeSpan QueueDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Gets the maximum delay of any frame.</summary>
    internal TimeSpan Slowest => Reordering > 0 || Duplication > 0 ? MaxDelay + QueueDelay : MaxDelay;
}
