namespace Presence.Harness.Histories;

/// <summary>A unique process was started on a member.</summary>
/// <param name="At">By the member's own clock.</param>
/// <param name="Term">Names this one term, whatever became of its member before.</param>
/// <param name="Epoch">The fencing token; null where there is none.</param>
public sealed record TermBegan(TimeSpan At, string Process, string Term, string Member, long? Epoch) : HistoryEvent(At);

/// <summary>The process has ended, as its own code saw it.</summary>
/// <param name="At">By the member's own clock.</param>
/// <param name="Reason">The reason that its code was given; null if none.</param>
public sealed record TermEnded(TimeSpan At, string Process, string Term, string? Reason) : HistoryEvent(At);

/// <summary>A term tried to do something to a resource, in the order in which the resource took it up.</summary>
/// <param name="At">When the resource decided.</param>
/// <param name="Process">The name that is unique; each has a resource of its own.</param>
/// <param name="Epoch">The token it showed; null where there is none.</param>
/// <param name="Sequence">Counts the attempts of the term.</param>
public sealed record EffectTried(TimeSpan At, string Process, string Term, long? Epoch, long Sequence, bool IsAccepted)
    : HistoryEvent(At);

/// <summary>A member stands still from now on.</summary>
public sealed record MemberPaused(TimeSpan At, string Member) : HistoryEvent(At);

/// <summary>A member goes on.</summary>
public sealed record MemberContinued(TimeSpan At, string Member) : HistoryEvent(At);

/// <summary>A member found that it had been given no time by the machine, as if it had been paused.</summary>
public sealed record MemberStarved(TimeSpan At, string Member, TimeSpan For) : HistoryEvent(At);

/// <summary>A member cannot reach the store of leases from now on, or not as it should.</summary>
public sealed record StoreLost(TimeSpan At, string Member) : HistoryEvent(At);

/// <summary>It can reach it again.</summary>
public sealed record StoreFound(TimeSpan At, string Member) : HistoryEvent(At);
