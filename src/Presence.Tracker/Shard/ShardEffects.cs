using Presence.Crdt;
using Presence.Tracker.Sessions;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>The effects of one input, which the host executes. The host clears and reuses the object.</summary>
internal sealed class ShardEffects
{
    /// <summary>Gets the frames to send, in order.</summary>
    public List<OutgoingFrame> Frames { get; } = [];

    /// <summary>
    /// Gets the probes to send by the most reliable path, each to the node of its <see cref="ProbeFrame.Target"/>.
    /// Report the outcome with <see cref="TrackerShard.ProbeAnswered"/>.
    /// </summary>
    public List<ProbeFrame> Probes { get; } = [];

    /// <summary>Gets the visible changes. Applied in order to the previous list they give the new list.</summary>
    public List<PresenceChange> Changes { get; } = [];

    /// <summary>Gets the events of replicas, this one included, for logs, metrics and tests.</summary>
    public List<ReplicaEvent> Events { get; } = [];

    /// <summary>Gets the entries of resumable sessions that other nodes have written.</summary>
    public List<SessionSighting> Sessions { get; } = [];

    /// <summary>Gets the nodes that turned out to write in the lanes of another pool size.</summary>
    public List<OtherPool> OtherPools { get; } = [];

    /// <summary>Gets the processes of other nodes of which a first frame has arrived.</summary>
    public List<StartedProcess> Started { get; } = [];

    /// <summary>Gets the entries of resumable sessions that stay hidden; their owners do not know why.</summary>
    public List<HiddenSession> Hidden { get; } = [];

    public void Clear()
    {
        Sessions.Clear();
        OtherPools.Clear();
        Started.Clear();
        Hidden.Clear();
        Frames.Clear();
        Probes.Clear();
        Changes.Clear();
        Events.Clear();
    }
}

/// <summary>A frame to send.</summary>
/// <param name="To">Name of the node; null for all others.</param>
/// <param name="Frame">The frame; encode with <see cref="ShardFrameCodec"/>.</param>
internal readonly record struct OutgoingFrame(string? To, ShardFrame Frame);

/// <summary>A node with another pool size than this one.</summary>
/// <param name="Node">Its name.</param>
/// <param name="PoolSize">Its pool size.</param>
internal readonly record struct OtherPool(string Node, int PoolSize);

/// <summary>A process of a node. Earlier ones of the same name have ended.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Incarnation">Its first incarnation; those of earlier processes are mostly lower.</param>
internal readonly record struct StartedProcess(string Node, ulong Incarnation);

/// <summary>A state transition or other event of a replica.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Replica">The replica.</param>
/// <param name="Detail">Text for a log; may be null.</param>
internal readonly record struct ReplicaEvent(ReplicaEventKind Kind, ReplicaId Replica, string? Detail = null);

/// <summary>The kinds of <see cref="ReplicaEvent"/>.</summary>
internal enum ReplicaEventKind
{
    /// <summary>First contact, or first contact after removal.</summary>
    Up,

    /// <summary>Contact while down; its entries become visible after the first repair.</summary>
    Recovering,

    /// <summary>Its entries are visible again.</summary>
    Recovered,

    /// <summary>Silent for the down period.</summary>
    Down,

    /// <summary>Silent for the permanent down period; removed.</summary>
    PermDown,

    /// <summary>A newer incarnation replaced it; removed permanently.</summary>
    Replaced,

    /// <summary>Sent a leave frame; removed permanently.</summary>
    Stopped,

    /// <summary>Membership declared it dead; removed permanently.</summary>
    Dead,

    /// <summary>A frame of an ended incarnation was ignored.</summary>
    Ignored,

    /// <summary>Another process used this node's name; this node continues under a higher incarnation.</summary>
    Restarted,

    /// <summary>A newer living node has this node's name: this node must stop.</summary>
    NameConflict,

    /// <summary>This node sent a repair request.</summary>
    RepairRequested,

    /// <summary>This node answered a repair request.</summary>
    RepairSent,
}

/// <summary>The state of a peer on this node.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="IsUp">Whether it is not down.</param>
/// <param name="IsShown">Whether its entries are visible.</param>
/// <param name="Clock">Sequence number up to which all its changes are known here.</param>
/// <param name="MaxKnownSequence">Highest sequence number it is known to have reached.</param>
/// <param name="Entries">Number of its live entries here.</param>
/// <param name="LastHeard">Time of the last contact, on the host's clock.</param>
/// <param name="BehindSince">Since when changes of it are known to be missing here; null if none are.</param>
/// <param name="IsReader">Whether it only reads this lane, and writes in those of another pool size.</param>
internal readonly record struct PeerStatus(
    ReplicaId Replica,
    bool IsUp,
    bool IsShown,
    ulong Clock,
    ulong MaxKnownSequence,
    int Entries,
    TimeSpan LastHeard,
    TimeSpan? BehindSince,
    bool IsReader);
