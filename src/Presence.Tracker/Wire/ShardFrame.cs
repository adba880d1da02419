using Presence.Crdt;

namespace Presence.Tracker.Wire;

/// <summary>The header of a frame: the sender and what receivers check.</summary>
/// <param name="Replica">The current replica of the sender.</param>
/// <param name="Started">The first incarnation of the sender's process: orders processes of one name by age.</param>
/// <param name="Instance">A number unique to the sender's process: distinguishes a name conflict from an echo.</param>
/// <param name="PoolSize">
/// Number of the lanes among which the frame's lane is: that of the shards of the tracker whose presences it is about.
/// </param>
/// <param name="Counter">The last sequence number that the sender has announced in a delta.</param>
internal readonly record struct Sender(ReplicaId Replica, ulong Started, ulong Instance, int PoolSize, ulong Counter);

/// <summary>
/// A message about one lane: the changes of the shards of one number, on all nodes with one pool size.
/// </summary>
/// <param name="From">Who sent it.</param>
internal abstract record ShardFrame(Sender From);

/// <summary>A summary of what the sender knows of one replica.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Prefix">The last sequence number of the gapless prefix.</param>
/// <param name="Max">The highest known sequence number.</param>
internal readonly record struct Clock(ReplicaId Replica, ulong Prefix, ulong Max);

/// <summary>Shows that the sender is alive, with its clocks of all other replicas that are not down.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Clocks">One per replica.</param>
internal sealed record HeartbeatFrame(Sender From, IReadOnlyList<Clock> Clocks) : ShardFrame(From)
{
    /// <summary>
    /// Gets the sender's own pool size, if it only reads the lane that the frame is about; zero if it writes there.
    /// </summary>
    public int OwnPoolSize { get; init; }
}

/// <summary>Changes of the sender's entries.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Delta">The changes since the previous delta.</param>
internal sealed record DeltaFrame(Sender From, ReplicaState<PresenceEntry> Delta) : ShardFrame(From);

/// <summary>Requests what the sender lacks.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Number">
/// The sender's process in the upper half; the lower half grows with each request. The answers repeat it.
/// </param>
/// <param name="Seen">The contexts of the requested replicas, possibly reduced.</param>
internal sealed record RequestFrame(Sender From, ulong Number, IReadOnlyList<ReplicaContext> Seen) : ShardFrame(From);

/// <summary>The causal context of a replica.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Seen">The known dots.</param>
internal readonly record struct ReplicaContext(ReplicaId Replica, IntervalSet Seen);

/// <summary>Part of an answer to a request.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Replica">The replica that the part is about.</param>
/// <param name="Part">Values and whole removals; or, with <paramref name="Sequence"/>, removed intervals.</param>
/// <param name="Sequence">
/// The place among parts that must be merged in order, because removed intervals are safe only after all earlier parts.
/// Null: any order.
/// </param>
/// <param name="UpTo">
/// The sequence number up to which the parts of the answer hold all that the requester lacked and the answerer has. The
/// answer was cut there if it is below <paramref name="Max"/>: ask again.
/// </param>
/// <param name="Max">The highest sequence number of the replica that the answerer knows to exist.</param>
/// <param name="Request">Number of the answered request; the part is not older than that.</param>
internal sealed record RepairFrame(
    Sender From,
    ReplicaId Replica,
    ReplicaState<PresenceEntry> Part,
    PartSequence? Sequence,
    ulong UpTo,
    ulong Max,
    ulong Request = 0) : ShardFrame(From);

/// <summary>The place of a part in an ordered answer.</summary>
/// <param name="Answer">Number of the answer, unique for the answerer.</param>
/// <param name="Index">From 0.</param>
internal readonly record struct PartSequence(ulong Answer, int Index);

/// <summary>Checks whether the target is alive in this incarnation.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Target">The probed replica.</param>
internal sealed record ProbeFrame(Sender From, ReplicaId Target) : ShardFrame(From);

/// <summary>Announces that the sender shuts down and does not return in this incarnation.</summary>
/// <param name="From">Who sent it.</param>
internal sealed record LeaveFrame(Sender From) : ShardFrame(From);

/// <summary>Notifies a node that its incarnation has ended for the sender, so that it takes a higher one.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Dead">The ended incarnation.</param>
internal sealed record StaleIncarnationFrame(Sender From, ReplicaId Dead) : ShardFrame(From);

/// <summary>Bytes that are not a frame of a supported version.</summary>
internal sealed class ShardFrameException(string message) : FormatException(message);
