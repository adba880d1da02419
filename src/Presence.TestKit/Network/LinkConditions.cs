namespace Presence.TestKit;

/// <summary>How frames travel from one member to another. Probabilities are between 0 and 1, per frame.</summary>
public sealed record LinkConditions
{
    /// <summary>A link that loses nothing and keeps the order of frames that are far enough apart.</summary>
    public static LinkConditions Good { get; } = new();

    /// <summary>Shortest time on the way. Default 1 ms.</summary>
    public TimeSpan MinDelay { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Longest time on the way of a frame that is not held back. Default 10 ms.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>How often a frame is lost. Default 0.</summary>
    public double Loss { get; init; }

    /// <summary>How often a frame arrives twice. Default 0.</summary>
    public double Duplication { get; init; }

    /// <summary>How often a frame is held back, so that later ones overtake it. Default 0.</summary>
    public double Reordering { get; init; }

    /// <summary>Longest time that a frame is held back. Default 100 ms.</summary>
    public TimeSpan HoldBack { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest time on the way of any frame.</summary>
    internal TimeSpan Slowest => Reordering > 0 || Duplication > 0 ? MaxDelay + HoldBack : MaxDelay;
}
