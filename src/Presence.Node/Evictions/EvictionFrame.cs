using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Node.Evictions;

/// <summary>Requests the owner of a presence to end it.</summary>
/// <param name="Tracker">The tracker.</param>
/// <param name="Incarnation">The incarnation of the owner.</param>
/// <param name="Process">The number of the session.</param>
/// <param name="Created">The sequence of the first version, so that a later presence of the session stays.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Key">The key.</param>
internal readonly record struct EvictionFrame(
    string Tracker, ulong Incarnation, ulong Process, ulong Created, string Topic, string Key)
{
    private const byte Version = 1;

    public static EvictionFrame Of(string tracker, PresenceEntry entry) => new(
        tracker, entry.Owner.Incarnation, entry.Process, entry.CreatedSequence, entry.Topic, entry.Key);

    public byte[] Encode()
    {
        var to = FrameWriter.Begin();
        to.Byte(Version);
        to.Text(Tracker);
        to.Number(Incarnation);
        to.Number(Process);
        to.Number(Created);
        to.Text(Topic);
        to.Text(Key);
        return to.Finish();
    }

    /// <exception cref="ShardFrameException">The bytes are not a frame.</exception>
    public static EvictionFrame Decode(ReadOnlySpan<byte> bytes)
    {
        // Names of any length: an unknown one matches nothing.
        var from = new FrameReader(bytes, [], new PresenceLimits());
        if (from.Byte() != Version)
        {
            throw new ShardFrameException("Unknown version of an eviction.");
        }

        var (tracker, incarnation, process, created) = (from.Key(), from.Number(), from.Number(), from.Number());
        var frame = new EvictionFrame(tracker, incarnation, process, created, from.Key(), from.Key());
        from.Finish();
        return frame;
    }
}
