namespace Presence.Crdt;

/// <summary>The state of a dot; a merge takes the larger.</summary>
internal enum DotState
{
    /// <summary>Not known.</summary>
    Unknown,

    /// <summary>Has a value.</summary>
    Live,

    /// <summary>Was removed, or is the tick of a removal.</summary>
    Removed,
}
