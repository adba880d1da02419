using Presence.Node;

namespace Presence.Postgres;

/// <summary>One notification to send, and the row it points at if its packet does not fit.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Packet">What goes into the notification.</param>
/// <param name="Id">Of the row; null if there is none.</param>
/// <param name="Body">Of the row.</param>
internal readonly record struct Parcel(string Channel, byte[] Packet, Guid? Id = null, byte[]? Body = null);

/// <summary>Puts frames into as few notifications as may be, and into rows what would take too many.</summary>
internal sealed class Parcels(PacketWriter writer, Func<string?, string> channelOf, Func<Guid> newId)
{
    /// <summary>Bytes of a packet that a notification holds: its text is shorter than 8,000 bytes, three bytes are four letters.</summary>
    public const int MostInNotification = 7999 / 4 * 3;

    /// <summary>Beyond so many notifications to one destination at once, a row is cheaper for all who listen.</summary>
    private const int MostNotifications = 4;

    /// <summary>Bytes of frames that share one row.</summary>
    private const int MostInRow = 512 * 1024;

    public List<Parcel> Make(IReadOnlyList<Outgoing> outgoing)
    {
        var parcels = new List<Parcel>();
        foreach (var ready in outgoing.Where(o => o.Packet is not null))
        {
            parcels.Add(Make(channelOf(ready.Member), ready.Packet!));
        }

        // Grouping keeps the order within each destination, which is all that receivers make use of.
        foreach (var destination in outgoing.Where(o => o.Packet is null).GroupBy(o => o.Member))
        {
            var channel = channelOf(destination.Key);
            var frames = destination.Select(o => o.Frame).ToList();
            var room = MostInNotification - writer.HeadBytes;
            var isLittle = frames.Sum(f => (long)PacketWriter.SizeOf(f)) <= MostNotifications * room
                && frames.TrueForAll(f => PacketWriter.SizeOf(f) <= room);
            parcels.AddRange(Split(frames, isLittle ? room : MostInRow).Select(part => Make(channel, writer.Frames(part))));
        }

        return parcels;
    }

    private Parcel Make(string channel, byte[] packet)
    {
        if (packet.Length <= MostInNotification)
        {
            return new Parcel(channel, packet);
        }

        var id = newId();
        return new Parcel(channel, writer.Stored(id), id, packet);
    }

    private static IEnumerable<List<LinkFrame>> Split(List<LinkFrame> frames, int room)
    {
        var part = new List<LinkFrame>();
        var size = 0L;
        foreach (var frame in frames)
        {
            var more = PacketWriter.SizeOf(frame);
            if (part.Count > 0 && size + more > room)
            {
                yield return part;
                part = [];
                size = 0;
            }

            part.Add(frame);
            size += more;
        }

        if (part.Count > 0)
        {
            yield return part;
        }
    }
}
