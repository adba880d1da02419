using Presence.Node;

namespace Presence.Postgres.Tests.Link;

public sealed class Packets
{
    private static readonly LinkFrame Frame = new("presence", 3, new byte[] { 7, 8, 9 });

    private static PacketWriter Writer => new("nöde", 0x0102030405060708);

    [Fact]
    public void The_bytes_of_every_kind_are_pinned()
    {
        const string Name = "0500" + "6EC3B66465";
        const string Incarnation = "0807060504030201";
        const string FrameBytes = "08" + "70726573656E6365" + "03000000" + "03000000" + "070809";
        Assert.Equal("0101" + Incarnation + Name + FrameBytes + FrameBytes, Hex(Writer.Frames([Frame, Frame])));
        Assert.Equal("0102" + Incarnation + Name + "2A00000000000000" + FrameBytes, Hex(Writer.Ask(42, Frame)));
        Assert.Equal("0103" + Incarnation + Name + "2A00000000000000" + "01", Hex(Writer.Answer(42, yes: true)));
        Assert.Equal("0104" + Incarnation + Name + "2A00000000000000", Hex(Writer.Hello(42)));
        Assert.Equal("0105" + Incarnation + Name, Hex(Writer.Bye()));
        Assert.Equal(
            "0106" + Incarnation + Name + "00112233445566778899AABBCCDDEEFF",
            Hex(Writer.Stored(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"))));
    }

    [Fact]
    public void What_was_written_is_read()
    {
        var frames = Packet.Read(Writer.Frames([Frame, Frame with { Channel = "", Body = default }]))!;
        Assert.Equal((PacketKind.Frames, "nöde", 0x0102030405060708ul), (frames.Kind, frames.From, frames.Incarnation));
        var read = frames.ReadFrames()!;
        Assert.Equal(2, read.Count);
        Assert.Equal(("presence", 3), (read[0].Channel, read[0].Shard));
        Assert.Equal(new byte[] { 7, 8, 9 }, read[0].Body.ToArray());
        Assert.Equal(("", 0), (read[1].Channel, read[1].Body.Length));

        var ask = Packet.Read(Writer.Ask(42, Frame))!;
        Assert.Equal(42ul, ask.Number);
        Assert.Equal(new byte[] { 7, 8, 9 }, Assert.Single(ask.ReadFrames()!).Body.ToArray());
        Assert.True(Packet.Read(Writer.Answer(1, yes: true))!.IsYes);
        Assert.False(Packet.Read(Writer.Answer(1, yes: false))!.IsYes);
        var id = Guid.NewGuid();
        Assert.Equal(id, Packet.Read(Writer.Stored(id))!.Id);
    }

    [Fact]
    public void What_is_cut_short_is_refused_and_never_throws()
    {
        foreach (var whole in new[] { Writer.Frames([Frame, Frame]), Writer.Ask(1, Frame), Writer.Answer(1, true), Writer.Stored(Guid.Empty) })
        {
            for (var length = 0; length < whole.Length; length++)
            {
                var packet = Packet.Read(whole.AsMemory(0, length));
                var frames = packet?.Kind is PacketKind.Frames or PacketKind.Ask ? packet.ReadFrames() : null;
                // A cut between two frames cannot be told from fewer frames; anywhere else it is.
                Assert.True(packet is null || frames is null || frames.Sum(PacketWriter.SizeOf) <= length);
            }
        }
    }

    [Fact]
    public void What_is_noise_is_refused_and_never_throws()
    {
        var random = new Random(7);
        var good = Writer.Frames([Frame, Frame]);
        for (var i = 0; i < 20_000; i++)
        {
            var noise = (byte[])good.Clone();
            for (var flips = random.Next(1, 6); flips > 0; flips--)
            {
                noise[random.Next(noise.Length)] = (byte)random.Next(256);
            }

            if (Packet.Read(noise) is { Kind: PacketKind.Frames or PacketKind.Ask } packet)
            {
                packet.ReadFrames();
            }
        }
    }

    [Fact]
    public void A_later_version_is_refused()
    {
        var packet = Writer.Bye();
        packet[0]++;
        Assert.Null(Packet.Read(packet));
    }

    private static string Hex(byte[] bytes) => Convert.ToHexString(bytes);
}
