namespace Presence.Harness.Histories;

/// <summary>Something that was done or seen in a run, on the clock of the run.</summary>
public abstract record HistoryEvent(TimeSpan At);

/// <summary>A member has become ready.</summary>
public sealed record MemberStarted(TimeSpan At, string Member) : HistoryEvent(At);

/// <summary>A member is ended from now on: what was tracked through it has to go.</summary>
public sealed record MemberEnded(TimeSpan At, string Member, MemberEnd How) : HistoryEvent(At);

/// <summary>A client begins to join through a member. Nobody knows yet whether it will be present.</summary>
/// <param name="Presence">Names this one join, in its metadata: a key may join many times.</param>
public sealed record Joining(TimeSpan At, string Presence, string Member, string Topic, string Key) : HistoryEvent(At);

public sealed record Joined(TimeSpan At, string Presence) : HistoryEvent(At);

/// <summary>A client asks for an update to a version.</summary>
public sealed record Updating(TimeSpan At, string Presence, int Version) : HistoryEvent(At);

public sealed record Updated(TimeSpan At, string Presence, int Version) : HistoryEvent(At);

/// <summary>The owner ends its presence, by leaving or by dropping its connection.</summary>
public sealed record Ending(TimeSpan At, string Presence) : HistoryEvent(At);

/// <summary>An observer was sent the whole topic.</summary>
public sealed record SawState(TimeSpan At, string Observer, string Topic, IReadOnlyList<Shown> Everybody) : HistoryEvent(At);

/// <summary>An observer was sent a change.</summary>
public sealed record SawDiff(
    TimeSpan At,
    string Observer,
    string Topic,
    IReadOnlyList<Shown> Joins,
    IReadOnlyList<Shown> Leaves) : HistoryEvent(At);

/// <summary>An observer's connection has ended; what it had seen counts no more.</summary>
public sealed record WatchEnded(TimeSpan At, string Observer) : HistoryEvent(At);

/// <summary>A member gave its verdict on another.</summary>
public sealed record MemberSaid(TimeSpan At, string Member, string About, string Incarnation, MemberVerdict Verdict)
    : HistoryEvent(At);

/// <summary>What an observer is shown of one presence.</summary>
/// <param name="Reason">Why it left, where the observer is told; else null.</param>
public sealed record Shown(string Key, string Ref, string Presence, int Version, string? Reason = null);

/// <summary>How a member ended.</summary>
public enum MemberEnd
{
    /// <summary>It was asked to and said farewell.</summary>
    Stopped,

    /// <summary>It had no time to say anything.</summary>
    Killed,
}

/// <summary>What members say of each other; a subset of the tracker's replica events.</summary>
public enum MemberVerdict
{
    Up,
    Healing,
    Healed,
    Down,
    PermDown,
    Replaced,
    Stopped,
    Dead,
    Restarted,
}
