namespace Presence.TestKit.Chaos;

/// <summary>The faults of a <see cref="ClusterChaosRun"/>. Every run has all kinds.</summary>
internal enum FaultKind
{
    /// <summary>Links lose up to a tenth of the frames; the bounds for lossy links still hold.</summary>
    Loss,

    /// <summary>The links of a node lose half of the frames.</summary>
    HeavyLoss,

    /// <summary>Frames arrive twice.</summary>
    Duplication,

    /// <summary>Frames are delayed by up to 100 ms, so that later ones overtake them.</summary>
    Reordering,

    /// <summary>Frames of a node are delayed by up to 2 s.</summary>
    Delay,

    /// <summary>A symmetric partition shorter than the down period.</summary>
    ShortPartition,

    /// <summary>A symmetric partition longer than the down period.</summary>
    LongPartition,

    /// <summary>A symmetric partition longer than the permanent down period.</summary>
    VeryLongPartition,

    /// <summary>Frames between two nodes arrive in one direction only.</summary>
    OneWayPartition,

    /// <summary>A node is suspended for less than the down period.</summary>
    ShortPause,

    /// <summary>A node is suspended for longer than the down period.</summary>
    LongPause,

    /// <summary>A node crashes and restarts under its name.</summary>
    CrashAndRestart,

    /// <summary>A node crashes, and a node with a new name starts.</summary>
    CrashAndReplacement,

    /// <summary>A node crashes and restarts with a wall clock before its previous start.</summary>
    RestartWithClockBack,

    /// <summary>A node crashes and restarts with a wall clock exactly at its previous start.</summary>
    RestartWithSameIncarnation,

    /// <summary>A node leaves and restarts later.</summary>
    Leave,

    /// <summary>A node leaves while it is disconnected from another one.</summary>
    LeaveDuringPartition,

    /// <summary>The wall clock of a node steps forwards or backwards while it runs.</summary>
    WallClockStep,

    /// <summary>A node is suspended, another one starts under its name, and the first one resumes.</summary>
    DuplicateNodeName,

    /// <summary>A node with another pool size starts.</summary>
    MismatchedPoolSize,
}
