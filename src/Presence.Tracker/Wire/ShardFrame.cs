using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Who sends a frame, and what the receiver must agree on to take it.</summary>
/// <param name="Replica">The sender as it now writes.</param>
/// <param name="Started">The incarnation under which the sender's process started; older of two namesakes has the smaller.</param>
/// <param name="Instance">A number of the sender's process alone: tells a namesake from an echo.</param>
/// <param name="PoolSize">Shards of the sender's tracker.</param>
/// <param name="Counter">The last sequence number of the sender that it has announced in a delta.</param>
internal readonly record struct Sender(ReplicaId Replica, ulong Started, ulong Instance, int PoolSize, ulong Counter);

/// <summary>A message between shards of the same number on two members.</summary>
/// <param name="From">Who sent it.</param>
internal abstract record ShardFrame(Sender From);

/// <summary>What the sender knows of one replica, in short.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Prefix">Everything up to here is known.</param>
/// <param name="Max">Nothing is known beyond here.</param>
internal readonly record struct Clock(ReplicaId Replica, ulong Prefix, ulong Max);

/// <summary>A sign of life, with what the sender knows of every other replica it holds as living.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Clocks">One per replica.</param>
internal sealed record HeartbeatFrame(Sender From, IReadOnlyList<Clock> Clocks) : ShardFrame(From);

/// <summary>Changes of the sender's own entries.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Delta">What changed since the delta before.</param>
internal sealed record DeltaFrame(Sender From, ReplicaDots<PresenceEntry> Delta) : ShardFrame(From);

/// <summary>Asks for what the sender lacks.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Number">Grows with each request of the sender; the answer repeats it.</param>
/// <param name="Seen">The contexts of the replicas asked about; possibly less than the sender knows.</param>
internal sealed record RequestFrame(Sender From, ulong Number, IReadOnlyList<ReplicaContext> Seen) : ShardFrame(From);

/// <summary>What somebody has seen of a replica.</summary>
/// <param name="Replica">The replica.</param>
/// <param name="Seen">Its dots.</param>
internal readonly record struct ReplicaContext(ReplicaId Replica, IntervalSet Seen);

/// <summary>Part of an answer to a request.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Replica">Of whom it tells.</param>
/// <param name="Part">Values and whole removals, taken in any order; or values and dead intervals, see <paramref name="Sequence"/>.</param>
/// <param name="Sequence">
/// Where this part stands among parts that must be taken in order, because their dead intervals are safe only together
/// with all before them. Null: any order.
/// </param>
/// <param name="More">Whether the requester should ask again when it has taken this part: the answer was cut here.</param>
/// <param name="Request">Number of the request that this answers: what it tells is no older than that.</param>
internal sealed record RepairFrame(
    Sender From,
    ReplicaId Replica,
    ReplicaDots<PresenceEntry> Part,
    PartSequence? Sequence,
    bool More,
    ulong Request = 0) : ShardFrame(From);

/// <summary>The place of a part in an ordered answer.</summary>
/// <param name="Answer">Number of the answer, unique for the answerer.</param>
/// <param name="Index">From 0.</param>
internal readonly record struct PartSequence(ulong Answer, int Index);

/// <summary>Asks "are you there, in this incarnation?".</summary>
/// <param name="From">Who asks.</param>
/// <param name="Target">Who is meant.</param>
internal sealed record ProbeFrame(Sender From, ReplicaId Target) : ShardFrame(From);

/// <summary>Says that the sender stops in order and is gone for good.</summary>
/// <param name="From">Who stops.</param>
internal sealed record FarewellFrame(Sender From) : ShardFrame(From);

/// <summary>Tells a member that its incarnation is over for the sender; it goes on under a higher one.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Dead">The incarnation that is over.</param>
internal sealed record ObituaryFrame(Sender From, ReplicaId Dead) : ShardFrame(From);

/// <summary>Bytes that are not a frame of a version that is understood.</summary>
internal sealed class ShardFrameException(string message) : FormatException(message);
