using System.Runtime.InteropServices;
using Presence.Node;

namespace Presence.Grains.Link;

/// <summary>Between what the node speaks and what Orleans carries.</summary>
internal static class DeltaFrames
{
    public static DeltaFrame ToDelta(this LinkFrame frame) => new(frame.Channel, frame.Shard, Bytes(frame.Body));

    public static LinkFrame ToLink(this DeltaFrame frame) => new(frame.Channel, frame.Shard, frame.Body);

    /// <summary>Bytes of all frames together.</summary>
    public static long Size(this DeltaFrame[] frames)
    {
        var size = 0L;
        foreach (var frame in frames)
        {
            size += frame.Body.Length;
        }

        return size;
    }

    // Nobody writes to a body, so an array that is all body need not be copied.
    private static byte[] Bytes(ReadOnlyMemory<byte> body) =>
        MemoryMarshal.TryGetArray(body, out var part) && part.Array is { } array && part.Count == array.Length
            ? array
            : body.ToArray();
}
