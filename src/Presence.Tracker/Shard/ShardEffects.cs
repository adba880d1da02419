using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>What a shard asks its host to do after one input. Reused: the host clears it before the next input.</summary>
internal sealed class ShardEffects
{
    /// <summary>Frames to send, in order.</summary>
    public List<OutgoingFrame> Frames { get; } = [];

    /// <summary>
    /// Probes to deliver by the engine's surest way, each to the member of its <see cref="ProbeFrame.Target"/>; report the
    /// outcome with <see cref="TrackerShard.ProbeAnswered"/>.
    /// </summary>
    public List<ProbeFrame> Probes { get; } = [];

    /// <summary>What became visible, in order. Applied to what was listed before, it gives what is listed now.</summary>
    public List<PresenceChange> Changes { get; } = [];

    /// <summary>What happened to other replicas and to this one, for logs, metrics and tests.</summary>
    public List<ReplicaEvent> Events { get; } = [];

    /// <summary>Empties all lists.</summary>
    public void Clear()
    {
        Frames.Clear();
        Probes.Clear();
        Changes.Clear();
        Events.Clear();
    }
}

/// <summary>A frame to send.</summary>
/// <param name="To">Name of the member, or null for all others.</param>
/// <param name="Frame">What to send; encode with <see cref="ShardFrameCodec"/>.</param>
internal readonly record struct OutgoingFrame(string? To, ShardFrame Frame);

/// <summary>Something that happened to a replica.</summary>
/// <param name="Kind">What.</param>
/// <param name="Replica">To whom.</param>
/// <param name="Detail">More, for a log; may be null.</param>
internal readonly record struct ReplicaEvent(ReplicaEventKind Kind, ReplicaId Replica, string? Detail = null);

/// <summary>The transitions of a replica.</summary>
internal enum ReplicaEventKind
{
    /// <summary>Heard for the first time, or after it was forgotten.</summary>
    Up,

    /// <summary>Heard again while held as down; its entries are shown after the first repair.</summary>
    Healing,

    /// <summary>Its entries are shown again.</summary>
    Healed,

    /// <summary>Silent for the down period.</summary>
    Down,

    /// <summary>Silent for the permanent down period; forgotten.</summary>
    PermDown,

    /// <summary>A newer incarnation took its place; forgotten for ever.</summary>
    Replaced,

    /// <summary>Said farewell; forgotten for ever.</summary>
    Stopped,

    /// <summary>Membership declared it dead; forgotten for ever.</summary>
    Dead,

    /// <summary>A frame of an incarnation that is over was ignored.</summary>
    Ignored,

    /// <summary>This member saw its own name at its incarnation or above and goes on under a higher one.</summary>
    Restarted,

    /// <summary>Another living member has this member's name and is newer: this one must stop.</summary>
    NameConflict,

    /// <summary>A member with another pool size or another codec was refused.</summary>
    Refused,

    /// <summary>This member asked another for what it lacks.</summary>
    RepairRequested,

    /// <summary>This member answered a request.</summary>
    RepairSent,
}

/// <summary>A peer as its shard sees it.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="IsUp">Whether it counts as living.</param>
/// <param name="IsShown">Whether its entries are listed.</param>
/// <param name="Clock">Sequence number up to which everything of it is known here.</param>
/// <param name="Advertised">Highest sequence number it is known to have reached.</param>
/// <param name="Entries">Live entries of it held here.</param>
/// <param name="LastHeard">When it was last heard, on the host's clock.</param>
/// <param name="BehindSince">Since when something of it is known to be missing here; null if nothing is.</param>
internal readonly record struct PeerStatus(
    ReplicaId Replica,
    bool IsUp,
    bool IsShown,
    ulong Clock,
    ulong Advertised,
    int Entries,
    TimeSpan LastHeard,
    TimeSpan? BehindSince);
