namespace Presence.Crdt;

/// <summary>What is known of one dot; a merge takes the larger.</summary>
internal enum DotState
{
    /// <summary>Nothing is known.</summary>
    Unknown,

    /// <summary>It has a value.</summary>
    Live,

    /// <summary>It was removed, or is the tick of a removal.</summary>
    Dead,
}
