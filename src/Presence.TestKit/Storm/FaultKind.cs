namespace Presence.TestKit;

/// <summary>What can go wrong in a <see cref="ClusterStorm"/>. Every kind happens in every storm.</summary>
internal enum FaultKind
{
    /// <summary>Links lose up to a tenth of the frames; what is promised for lossy links still holds.</summary>
    Loss,

    /// <summary>The links of a member lose half of the frames.</summary>
    HeavyLoss,

    /// <summary>Frames arrive twice.</summary>
    Duplication,

    /// <summary>Frames are held back by up to 100 ms and overtaken.</summary>
    Reordering,

    /// <summary>Frames of a member are held back by up to 2 s.</summary>
    Lateness,

    /// <summary>A symmetric partition shorter than the down period.</summary>
    ShortPartition,

    /// <summary>A symmetric partition longer than the down period.</summary>
    LongPartition,

    /// <summary>A symmetric partition longer than the permanent down period.</summary>
    VeryLongPartition,

    /// <summary>One member hears another and is not heard by it.</summary>
    OneWayPartition,

    /// <summary>A member is frozen for less than the down period.</summary>
    ShortPause,

    /// <summary>A member is frozen for longer than the down period.</summary>
    LongPause,

    /// <summary>A member crashes and starts again under its name, soon or late.</summary>
    CrashAndRestart,

    /// <summary>A member crashes, and another one with a new name starts.</summary>
    CrashAndReplacement,

    /// <summary>A member crashes; when it starts again its wall clock stands before its former start.</summary>
    RestartWithClockBack,

    /// <summary>A member crashes; when it starts again its wall clock stands exactly at its former start.</summary>
    RestartWithSameIncarnation,

    /// <summary>A member says farewell and starts again later.</summary>
    Leave,

    /// <summary>A member says farewell while it is cut off from another one.</summary>
    LeaveDuringPartition,

    /// <summary>The wall clock of a member steps forwards or backwards while it runs.</summary>
    WallClockStep,

    /// <summary>A member is frozen, a new one starts under its name, and the old one wakes.</summary>
    Twin,

    /// <summary>A member with another pool size shows up.</summary>
    Stranger,
}
