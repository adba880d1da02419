using Presence.Node;

namespace Presence.Postgres.Tests.Link;

public sealed class Parcels_of_frames
{
    private static readonly PacketWriter Writer = new("a", 1);

    private static Parcels Parcels => new(Writer, member => member is null ? "all" : "to " + member, Guid.NewGuid);

    [Fact]
    public void Many_small_frames_to_all_share_one_notification()
    {
        var parcels = Parcels.Make([.. Enumerable.Range(0, 100).Select(i => Out(null, 20))]);
        var parcel = Assert.Single(parcels);
        Assert.Equal("all", parcel.Channel);
        Assert.Null(parcel.Id);
        Assert.Equal(100, Packet.Read(parcel.Packet)!.ReadFrames()!.Count);
    }

    [Fact]
    public void Each_destination_has_its_own_and_keeps_its_order()
    {
        var parcels = Parcels.Make([Out("b", 1), Out(null, 2), Out("b", 3), Out("c", 4), Out(null, 5)]);
        Assert.Equal(
            ["to b: 1 3", "all: 2 5", "to c: 4"],
            parcels.Select(p => $"{p.Channel}: {string.Join(' ', Packet.Read(p.Packet)!.ReadFrames()!.Select(f => f.Body.Length))}"));
    }

    [Fact]
    public void No_notification_is_longer_than_the_server_takes_whatever_the_sizes()
    {
        var random = new Random(3);
        for (var round = 0; round < 500; round++)
        {
            var frames = Enumerable.Range(0, random.Next(1, 30)).Select(_ => Out(random.Next(3) == 0 ? "b" : null, random.Next(7_000))).ToList();
            var parcels = Parcels.Make(frames);
            Assert.All(parcels, p => Assert.True(Convert.ToBase64String(p.Packet).Length < 8_000));
            var carried = parcels.Sum(p => Packet.Read(p.Body ?? p.Packet)!.ReadFrames()!.Sum(f => (long)f.Body.Length));
            Assert.Equal(frames.Sum(f => (long)f.Frame.Body.Length), carried);
        }
    }

    [Fact]
    public void What_would_take_many_notifications_goes_into_rows_of_bounded_size()
    {
        var parcels = Parcels.Make([.. Enumerable.Range(0, 1_000).Select(_ => Out(null, 2_000))]);
        Assert.Equal(4, parcels.Count);
        Assert.All(parcels, p => Assert.True(p.Body!.Length is > 0 and <= 600_000));
        Assert.All(parcels, p => Assert.Equal(p.Id, Packet.Read(p.Packet)!.Id));
    }

    [Fact]
    public void A_question_goes_alone_and_into_a_row_if_it_is_large()
    {
        var small = Parcels.Make([new Outgoing("b", Writer.Ask(1, Out("b", 10).Frame), default, 0)]);
        Assert.Null(Assert.Single(small).Id);
        var large = Parcels.Make([new Outgoing("b", Writer.Ask(1, Out("b", 9_000).Frame), default, 0)]);
        Assert.Equal(PacketKind.Ask, Packet.Read(Assert.Single(large).Body!)!.Kind);
    }

    private static Outgoing Out(string? to, int bytes) => new(to, null, new LinkFrame("presence", 0, new byte[bytes]), 0);
}
