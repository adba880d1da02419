namespace Presence.Harness.Histories;

/// <summary>An action or observation in a run, with its time on the run's clock.</summary>
public abstract record HistoryEvent(TimeSpan At);

/// <summary>A node became ready.</summary>
public sealed record NodeStarted(TimeSpan At, string Node) : HistoryEvent(At);

/// <summary>A node ends: its presences have to leave.</summary>
public sealed record NodeEnded(TimeSpan At, string Node, NodeEndReason How) : HistoryEvent(At);

/// <summary>A client starts to join through a node, without an acknowledgement yet.</summary>
/// <param name="Presence">Id of this join, stored in its metadata: a key may join many times.</param>
public sealed record Joining(TimeSpan At, string Presence, string Node, string Topic, string Key) : HistoryEvent(At);

public sealed record Joined(TimeSpan At, string Presence) : HistoryEvent(At);

/// <summary>A client requests an update to a version.</summary>
public sealed record Updating(TimeSpan At, string Presence, int Version) : HistoryEvent(At);

public sealed record Updated(TimeSpan At, string Presence, int Version) : HistoryEvent(At);

/// <summary>The owner ends its presence by a leave or by closing its connection.</summary>
public sealed record Ending(TimeSpan At, string Presence) : HistoryEvent(At);

/// <summary>An observer received the whole topic.</summary>
public sealed record SawState(
    TimeSpan At, string Observer, string Topic, IReadOnlyList<Shown> Presences) : HistoryEvent(At);

/// <summary>An observer received a change.</summary>
public sealed record SawDiff(
    TimeSpan At,
    string Observer,
    string Topic,
    IReadOnlyList<Shown> Joins,
    IReadOnlyList<Shown> Leaves) : HistoryEvent(At);

/// <summary>An observer's connection ended; its state is discarded.</summary>
public sealed record WatchEnded(TimeSpan At, string Observer) : HistoryEvent(At);

/// <summary>A node reported a verdict on another.</summary>
public sealed record VerdictReported(TimeSpan At, string Node, string About, string Incarnation, NodeVerdict Verdict)
    : HistoryEvent(At);

/// <summary>A presence as an observer sees it.</summary>
/// <param name="Reason">The leave reason, if the observer gets it; otherwise null.</param>
public sealed record Shown(string Key, string Ref, string Presence, int Version, string? Reason = null);

/// <summary>How a node ended.</summary>
public enum NodeEndReason
{
    /// <summary>It was stopped and sent a leave.</summary>
    Stopped,

    /// <summary>It was killed without a leave.</summary>
    Killed,
}

/// <summary>Verdicts of nodes on each other; a subset of the tracker's replica events.</summary>
public enum NodeVerdict
{
    Up,
    Recovering,
    Recovered,
    Down,
    PermDown,
    Replaced,
    Stopped,
    Dead,
    Restarted,
}
