using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Node.Messages;

/// <summary>Requests a node to deliver a message to its sessions of a key.</summary>
/// <param name="Tracker">The tracker.</param>
/// <param name="Topic">The topic; null for all topics.</param>
/// <param name="Key">The key.</param>
/// <param name="Name">The event.</param>
/// <param name="Json">The payload.</param>
internal readonly record struct MessageFrame(
    string Tracker, string? Topic, string Key, string Name, ReadOnlyMemory<byte> Json)
{
    private const byte Version = 1;

    public byte[] Encode()
    {
        var to = FrameWriter.Begin();
        to.Byte(Version);
        to.Text(Tracker);
        to.Byte(Topic is null ? (byte)0 : (byte)1);
        if (Topic is not null)
        {
            to.Text(Topic);
        }

        to.Text(Key);
        to.Text(Name);
        to.Bytes(Json.Span);
        return to.Finish();
    }

    /// <exception cref="ShardFrameException">The bytes are not a frame.</exception>
    public static MessageFrame Decode(ReadOnlyMemory<byte> bytes)
    {
        // Names of any length: an unknown one matches nothing.
        var from = new FrameReader(bytes.Span, [], new PresenceLimits { MaxKeyBytes = int.MaxValue });
        if (from.Byte() != Version)
        {
            throw new ShardFrameException("Unknown version of a message.");
        }

        var tracker = from.Key();
        var topic = from.Byte() == 1 ? from.Key() : null;
        var frame = new MessageFrame(tracker, topic, from.Key(), from.Key(), from.Bytes().ToArray());
        from.Finish();
        return SessionMessage.IsValid(frame.Name, frame.Json.Span)
            ? frame
            : throw new ShardFrameException("A message is not one JSON value with a name.");
    }
}
