namespace Presence.Harness.Histories;

/// <summary>A time in which members may take each other for down although they live: a partition, until it has healed.</summary>
/// <param name="From">Since the run began.</param>
/// <param name="To">Since the run began.</param>
public sealed record Excuse(TimeSpan From, TimeSpan To)
{
    public bool Covers(TimeSpan moment) => moment >= From && moment <= To;
}
