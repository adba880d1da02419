namespace Presence.TestKit;

/// <summary>The state of a simulated node.</summary>
public enum SimulatedNodeState
{
    /// <summary>The node runs.</summary>
    Running,

    /// <summary>The node is suspended: input is queued and not answered.</summary>
    Paused,

    /// <summary>The node waits for acknowledgement of its leave frames and ignores input.</summary>
    Leaving,

    /// <summary>The node has ended; a later start of its name is another node.</summary>
    Stopped,
}
