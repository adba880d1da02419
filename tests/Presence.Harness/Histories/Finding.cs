namespace Presence.Harness.Histories;

/// <summary>A fault that the history shows.</summary>
/// <param name="Who">To which observer, or at which member.</param>
public sealed record Finding(FindingKind Kind, TimeSpan At, string Who, string What)
{
    public override string ToString() => $"{Kind} at {At.TotalSeconds:0.000} s, {Who}: {What}";
}

/// <summary>The faults that a history can show.</summary>
public enum FindingKind
{
    /// <summary>Somebody is shown who has ended: at the end of the run, or anew after a leave.</summary>
    Ghost,

    /// <summary>Somebody who is present is not shown at the end of the run.</summary>
    Loss,

    /// <summary>A join of somebody who is shown already, or two entries of one join.</summary>
    DoubleJoin,

    /// <summary>A leave of somebody who is not shown.</summary>
    LeaveWithoutJoin,

    /// <summary>A leave of somebody who neither ended nor was on a member that ended or was cut off.</summary>
    FalseLeave,

    /// <summary>At the end of the run the metadata shown is older than the last that was acknowledged.</summary>
    Stale,

    /// <summary>A presence left for another reason than what happened to it.</summary>
    WrongReason,

    /// <summary>A member that lives was called down, stopped or dead.</summary>
    LivingReportedDown,

    /// <summary>One epoch of a unique process was given to two terms.</summary>
    TwoHoldersOfAnEpoch,

    /// <summary>A term began with an epoch that is not larger than an earlier one's, and its member had not stood still.</summary>
    EpochNotGrown,

    /// <summary>A resource that checks epochs took a side effect of an epoch below one it had seen.</summary>
    OldEpochAccepted,

    /// <summary>A term of a member that was asked to stop, or that goes on, ended without a word or without a reason.</summary>
    EndWithoutReason,

    /// <summary>A unique process ran twice at the same time, with neither a split nor a pause to excuse it.</summary>
    TwoAtOnce,

    /// <summary>A unique process ran nowhere for longer than is allowed, although some member could have run it.</summary>
    NobodyRan,
}
