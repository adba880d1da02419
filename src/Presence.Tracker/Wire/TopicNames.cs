using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Presence.Tracker;

/// <summary>
/// The names of topics that frames brought lately, so that the next frame's need no new string: entries of one topic, in
/// whatever frames they come, share its name. Bounded, for any thread, and a loss is only a string more.
/// </summary>
internal static class TopicNames
{
    private const int Most = 4096;

    private static readonly string?[] Lately = new string?[Most];

    /// <summary>The name, if it is plain ASCII and was seen lately.</summary>
    /// <param name="utf8">The name as it stands in a frame.</param>
    /// <param name="place">Where to <see cref="Keep"/> it if not.</param>
    public static string? Find(ReadOnlySpan<byte> utf8, out int place)
    {
        place = (int)(HashOf(utf8) % Most);
        var name = Volatile.Read(ref Lately[place]);
        return name is not null && Ascii.Equals(utf8, name) ? name : null;
    }

    public static void Keep(int place, string name) => Volatile.Write(ref Lately[place], name);

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
