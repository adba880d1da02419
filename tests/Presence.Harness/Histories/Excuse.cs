namespace Presence.Harness.Histories;

/// <summary>A time in which nodes may mark live nodes as down: a partition and its recovery.</summary>
public sealed record Excuse(TimeSpan From, TimeSpan To)
{
    public bool Covers(TimeSpan moment) => moment >= From && moment <= To;
}
