namespace Presence.Harness.Histories;

/// <summary>A unique process was started on a node.</summary>
/// <param name="At">By the node's own clock.</param>
/// <param name="Term">Id of the term, unique across restarts of its node.</param>
/// <param name="Epoch">The fencing token; null in available mode.</param>
public sealed record TermBegan(TimeSpan At, string Process, string Term, string Node, long? Epoch) : HistoryEvent(At);

/// <summary>The process ended, as reported by its own code.</summary>
/// <param name="At">By the node's own clock.</param>
/// <param name="Reason">The reason that its code received; null if none.</param>
public sealed record TermEnded(TimeSpan At, string Process, string Term, string? Reason) : HistoryEvent(At);

/// <summary>A term attempted an effect on a resource, in the resource's order.</summary>
/// <param name="At">When the resource decided.</param>
/// <param name="Process">The unique process; each has its own resource.</param>
/// <param name="Epoch">The token that it sent; null if none.</param>
/// <param name="Sequence">Counts the attempts of the term.</param>
public sealed record EffectTried(TimeSpan At, string Process, string Term, long? Epoch, long Sequence, bool IsAccepted)
    : HistoryEvent(At);

/// <summary>A node is suspended from now on.</summary>
public sealed record NodePaused(TimeSpan At, string Node) : HistoryEvent(At);

/// <summary>A node is resumed.</summary>
public sealed record NodeContinued(TimeSpan At, string Node) : HistoryEvent(At);

/// <summary>A node detected that it got no CPU time, as if suspended.</summary>
public sealed record NodeStarved(TimeSpan At, string Node, TimeSpan For) : HistoryEvent(At);

/// <summary>A node's connection to the store fails or is degraded from now on.</summary>
public sealed record StoreLost(TimeSpan At, string Node) : HistoryEvent(At);

/// <summary>The connection is restored.</summary>
public sealed record StoreFound(TimeSpan At, string Node) : HistoryEvent(At);
