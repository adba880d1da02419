using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;
using Presence.Crdt;

namespace Presence.Tracker.Entries;

/// <summary>Derives the public id of one version of a presence from its dot, equal on all nodes.</summary>
internal static class PresenceRef
{
    private const int Size = 12;

    /// <summary>Formats five bytes of the owner's hash and seven of the sequence as URL-safe base64.</summary>
    public static string Format(ReplicaId owner, ulong sequence) => Format(StableHash.Of(owner) >> 24, sequence);

    /// <summary>Does the same with the upper 40 bits of the owner's hash.</summary>
    public static string Format(ulong owner, ulong sequence)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, owner << 24);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[4..], sequence & 0x00FF_FFFF_FFFF_FFFF);
        // The top byte of the sequence is zero and has overwritten the fifth byte of the hash.
        bytes[4] = (byte)owner;
        return Base64Url.EncodeToString(bytes[..Size]);
    }
}

/// <summary>FNV-1a with a final mix: equal in every process, on every machine and in every version.</summary>
internal static class StableHash
{
    private const ulong Offset = 14695981039346656037;
    private const ulong Prime = 1099511628211;

    public static ulong Of(string text)
    {
        Span<byte> buffer = stackalloc byte[256];
        var max = Encoding.UTF8.GetMaxByteCount(text.Length);
        var bytes = max <= buffer.Length ? buffer : new byte[max];
        return Mix(Fold(Offset, bytes[..Encoding.UTF8.GetBytes(text, bytes)]));
    }

    public static ulong Of(ReplicaId replica)
    {
        Span<byte> incarnation = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(incarnation, replica.Incarnation);
        return Mix(Fold(Of(replica.Node), incarnation));
    }

    private static ulong Fold(ulong hash, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            hash = (hash ^ b) * Prime;
        }

        return hash;
    }

    public static ulong Mix(ulong hash)
    {
        hash ^= hash >> 33;
        hash *= 0xFF51AFD7ED558CCD;
        hash ^= hash >> 33;
        hash *= 0xC4CEB9FE1A85EC53;
        return hash ^ (hash >> 33);
    }
}
