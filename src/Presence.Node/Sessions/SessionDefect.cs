namespace Presence.Node.Sessions;

/// <summary>A deliberate defect that the simulation must detect.</summary>
internal enum SessionDefect
{
    /// <summary>No defect.</summary>
    None,

    /// <summary>A greater generation of a dead replica ends the attached session.</summary>
    DeadReplicaWins,

    /// <summary>A resume whose reply was lost, or an heir of it, ends the attached session.</summary>
    UnknownResumeWins,

    /// <summary>An heir keeps its generation when the client comes, which another heir may have too.</summary>
    HeirKeepsGeneration,

    /// <summary>A suspended node ends sessions before it has read what arrived meanwhile.</summary>
    ExpiresAfterPause,

    /// <summary>A node that was suspended attaches a client at once, which may have the session elsewhere.</summary>
    AttachesAfterPause,

    /// <summary>The generation of the token is not taken into account.</summary>
    IgnoresTokenGeneration,

    /// <summary>A releasing node does not reserve the next generation.</summary>
    ReservesNothing,

    /// <summary>A hand-over is trusted although it was not acknowledged.</summary>
    TrustsHandOver,

    /// <summary>Presences of the session are not taken over.</summary>
    AdoptsNothing,

    /// <summary>A released session is released again to any other node.</summary>
    ReleasesTwice,

    /// <summary>A node that stops, or whose client has given up, takes what was released to it.</summary>
    TakesForNobody,

    /// <summary>What nobody takes is not given back to its owner, which does not take it back either.</summary>
    GivesNothingBack,

    /// <summary>A superseded session keeps its entries.</summary>
    SupersededStays,

    /// <summary>A former owner does not know who has the session.</summary>
    ForgetsSuccessor,

    /// <summary>An earlier token is accepted although the client has confirmed a later one.</summary>
    AcceptsEarlierToken,

    /// <summary>A hand-over counts as a resume, so that the heir beats a client.</summary>
    HandOverCountsAsResume,

    /// <summary>What the code does not track again stays.</summary>
    KeepsUntracked,

    /// <summary>A former owner still changes presences.</summary>
    FormerOwnerWrites,

    /// <summary>Held entries do not count as presences of a session.</summary>
    IgnoresHeld,
}
