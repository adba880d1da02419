namespace Presence.Harness.Histories;

/// <summary>A violation found in a history.</summary>
/// <param name="Who">The observer or node where it was found.</param>
public sealed record Finding(FindingKind Kind, TimeSpan At, string Who, string What)
{
    public override string ToString() => $"{Kind} at {At.TotalSeconds:0.000} s, {Who}: {What}";
}

/// <summary>Kinds of violations.</summary>
public enum FindingKind
{
    /// <summary>An ended presence is visible at the end of the run, or again after a leave.</summary>
    Ghost,

    /// <summary>A live presence is not visible at the end of the run.</summary>
    Loss,

    /// <summary>A join of a visible presence, or two entries of one join.</summary>
    DoubleJoin,

    /// <summary>A leave of a presence that is not visible.</summary>
    LeaveWithoutJoin,

    /// <summary>A leave of a presence that did not end, on a node that neither ended nor was disconnected.</summary>
    FalseLeave,

    /// <summary>At the end of the run the visible metadata is older than the last acknowledged.</summary>
    Stale,

    /// <summary>A leave's reason does not match its cause.</summary>
    WrongReason,

    /// <summary>A live node was reported down, stopped or dead.</summary>
    LivingReportedDown,

    /// <summary>One epoch of a unique process was given to two terms.</summary>
    TwoHoldersOfAnEpoch,

    /// <summary>A term began with an epoch not higher than an earlier one, on a node that was not suspended.</summary>
    EpochNotGrown,

    /// <summary>A resource that checks epochs accepted an effect with an outdated epoch.</summary>
    OldEpochAccepted,

    /// <summary>A term of a node that was stopped, or still runs, ended without a report or without a reason.</summary>
    EndWithoutReason,

    /// <summary>A unique process ran twice at the same time, without a partition or a pause that allows it.</summary>
    TwoAtOnce,

    /// <summary>A unique process ran nowhere for longer than allowed, although a node could have run it.</summary>
    NobodyRan,
}
