namespace Presence.Tracker.Shard;

/// <summary>
/// A deliberate defect that the simulation must detect; only those that cannot be injected from outside of the shard.
/// </summary>
internal enum ShardDefect
{
    /// <summary>No defect.</summary>
    None,

    /// <summary>A removal uses no sequence number, so that no context shows that it is missing.</summary>
    RemovalWithoutTick,

    /// <summary>When the newest version of an entry ends, an older one becomes visible again.</summary>
    FallsBackToAnOlderVersion,

    /// <summary>A replaced incarnation gets no tombstone.</summary>
    ReplacedWithoutTombstone,

    /// <summary>The generations of sessions are not remembered.</summary>
    ForgetsGenerations,

    /// <summary>The leave of a resumable session's entry is never held.</summary>
    TellsLeavesAtOnce,

    /// <summary>Of the entries of a session the one with the greatest sequence is shown, not generation.</summary>
    ViewsBySequence,

    /// <summary>A generation hides all presences of its session, also those that it does not have yet.</summary>
    GenerationPerSession,

    /// <summary>A successor with an equal ref is reported as an update.</summary>
    TellsEqualRefs,
}
