using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Presence.Tracker.Wire;

/// <summary>
/// A cache of recently received topic names, so that entries of one topic in different frames share a string. Bounded
/// and thread-safe; a collision only costs another string.
/// </summary>
internal static class TopicNames
{
    private const int Capacity = 4096;

    private static readonly string?[] Recent = new string?[Capacity];

    /// <summary>Returns the name if it is ASCII and cached, else null.</summary>
    /// <param name="utf8">The name in UTF-8.</param>
    /// <param name="place">The place to <see cref="Store"/> it at if it is not cached.</param>
    public static string? Find(ReadOnlySpan<byte> utf8, out int place)
    {
        place = (int)(HashOf(utf8) % Capacity);
        var name = Volatile.Read(ref Recent[place]);
        return name is not null && Ascii.Equals(utf8, name) ? name : null;
    }

    public static void Store(int place, string name) => Volatile.Write(ref Recent[place], name);

    private static uint HashOf(ReadOnlySpan<byte> utf8)
    {
        var hash = (uint)utf8.Length;
        for (; utf8.Length >= sizeof(ulong); utf8 = utf8[sizeof(ulong)..])
        {
            hash = BitOperations.Crc32C(hash, MemoryMarshal.Read<ulong>(utf8));
        }

        foreach (var b in utf8)
        {
            hash = BitOperations.Crc32C(hash, b);
        }

        return hash;
    }
}
