using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>A message between shards of the same number on two members.</summary>
/// <param name="From">The replica that sent it.</param>
public abstract record ShardFrame(ReplicaId From);

/// <summary>Asks "are you there, in this incarnation?".</summary>
/// <param name="From">Who asks.</param>
/// <param name="Target">Who is meant.</param>
public sealed record ProbeFrame(ReplicaId From, ReplicaId Target) : ShardFrame(From);

/// <summary>Says that the sender stops in order and is gone for good.</summary>
/// <param name="From">Who stops.</param>
public sealed record FarewellFrame(ReplicaId From) : ShardFrame(From);

/// <summary>The versioned binary form of <see cref="ShardFrame"/>.</summary>
public static class ShardFrameCodec
{
    /// <summary>Encodes a frame.</summary>
    public static byte[] Encode(ShardFrame frame) => throw new NotSupportedException();

    /// <summary>Decodes a frame.</summary>
    /// <exception cref="ShardFrameException">The bytes are not a frame of a version that is understood.</exception>
    public static ShardFrame Decode(ReadOnlyMemory<byte> bytes) => throw new NotSupportedException();
}

/// <summary>Bytes that are not a frame.</summary>
public sealed class ShardFrameException(string message) : FormatException(message);
