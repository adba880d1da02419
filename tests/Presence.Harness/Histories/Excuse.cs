namespace Presence.Harness.Histories;

/// <summary>A time in which members may take each other for down although they live: a partition, until it has healed.</summary>
public sealed record Excuse(TimeSpan From, TimeSpan To)
{
    public bool Covers(TimeSpan moment) => moment >= From && moment <= To;
}
