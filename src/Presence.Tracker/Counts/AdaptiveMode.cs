namespace Presence.Tracker.Counts;

/// <summary>
/// When clients of a topic receive counts instead of members: more than <see cref="Members"/> presences, until there
/// are at most <see cref="BackBelow"/>.
/// </summary>
/// <param name="Members">Maximum number of presences that are sent as members; 0: always counts.</param>
/// <param name="Sample">Number of presences in the sample.</param>
/// <param name="Every">Minimum time between two messages with counts.</param>
internal sealed record AdaptiveMode(int Members, int Sample, TimeSpan Every)
{
    /// <summary>Periods between two messages with a sample, unless a reader needs one of its own.</summary>
    public const int SamplePeriods = 20;

    /// <summary>Gets whether there are never members: the topic is counts-only.</summary>
    public bool IsCountsOnly => Members == 0;

    /// <summary>Gets the number of presences up to which members are sent again: four fifths.</summary>
    public int BackBelow => Members - (Members / 5);

    /// <summary>Returns whether a topic is to be sent as counts.</summary>
    /// <param name="count">The number of its presences.</param>
    /// <param name="isCounting">Whether it is now.</param>
    public bool IsCounting(int count, bool isCounting) =>
        IsCountsOnly || count > (isCounting ? BackBelow : Members);
}
