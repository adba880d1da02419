using Presence.Tracker;

namespace Presence.Node;

/// <summary>How <see cref="IPresenceNode.ResumeAsync"/> got a session.</summary>
public enum ResumeOutcome
{
    /// <summary>A new session, because the old one could not be resumed.</summary>
    New,

    /// <summary>This node has the session: its presences are as they were.</summary>
    Attached,

    /// <summary>The session came from another node, or its next generation began here, with its presences.</summary>
    Resumed,
}

/// <summary>Why a session was not resumed.</summary>
public enum ResumeFailure
{
    /// <summary>It was resumed.</summary>
    None,

    /// <summary>Its owner has ended it.</summary>
    Ended,

    /// <summary>No reachable node knows it.</summary>
    Unknown,

    /// <summary>A client that has confirmed a later token is attached.</summary>
    TokenReplaced,

    /// <summary>The options have no grace, or a node of an earlier version is in the cluster.</summary>
    NotResumable,
}

/// <summary>The result of <see cref="IPresenceNode.ResumeAsync"/>.</summary>
/// <param name="Session">The session to use from now on.</param>
/// <param name="Outcome">How it was found.</param>
/// <param name="Failure">Why it is new; <see cref="ResumeFailure.None"/> otherwise.</param>
/// <param name="Presences">
/// Its presences. Tracking one of them again takes it over: observers see nothing if the metadata are equal, else an
/// update. <see cref="PresenceSession.CompleteResumeAsync"/> ends those that were not tracked again.
/// </param>
public sealed record ResumeResult(
    PresenceSession Session, ResumeOutcome Outcome, ResumeFailure Failure, IReadOnlyList<PresenceEntry> Presences)
{
    /// <summary>Gets whether the session existed before.</summary>
    public bool IsResumed => Outcome != ResumeOutcome.New;
}

/// <summary>
/// The session belongs to another node or connection now: nothing was changed. Only its current owner can change its
/// presences.
/// </summary>
public sealed class SessionMovedException()
    : InvalidOperationException("The session was resumed elsewhere or handed over; its new owner has its presences.");
