using Presence.Tracker.Sessions;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Wire;

/// <summary>Frames with entries of resumable sessions.</summary>
public class SessionFrameTests
{
    private static readonly ReplicaId Owner = new("n1", 5);
    private static readonly SessionStamp Stamp = new(new(0x0102030405060708, 9), new(2, 1), TimeSpan.FromSeconds(10));

    [Fact]
    public void Entries_without_a_session_keep_the_first_version_and_every_byte()
    {
        Assert.Equal(
            "0102026E31050507010301020003000461616161016B027B7D000000",
            Convert.ToHexString(Encode(Entry(2, null, default, "aaaa"))));
    }

    [Fact]
    public void Golden_bytes_of_a_frame_with_sessions_do_not_change()
    {
        var bytes = Encode(Entry(2, Stamp, default), Entry(3, Stamp, new RefDot(0xAB, 7)), Entry(4, null, default));
        Assert.Equal(2, bytes[0]);
        var decoded = ((DeltaFrame)ShardFrameCodec.Decode(bytes)).Delta;
        Assert.Equal((Stamp, default(RefDot)), (decoded.Live[2].Stamp!, decoded.Live[2].InheritedRef));
        Assert.Equal((Stamp, new RefDot(0xAB, 7)), (decoded.Live[3].Stamp!, decoded.Live[3].InheritedRef));
        Assert.Null(decoded.Live[4].Stamp);
        // Two entries: the new stamp of 16 + 2 + 2 bytes, then its number; the second with its ref.
        Assert.EndsWith(
            "020000" + "01020304050607080000000000000009" + "0201904E00" + "000107AB01",
            Convert.ToHexString(bytes), StringComparison.Ordinal);
    }

    [Fact]
    public void Resumable_presence_costs_at_most_24_bytes_more()
    {
        Assert.InRange(Encode(Entry(2, Stamp, default)).Length - Encode(Entry(2, null, default)).Length, 17, 24);
    }

    [Fact]
    public void Mutated_bytes_are_rejected_or_decoded_and_never_throw_anything_else()
    {
        var bytes = Encode(Entry(2, Stamp, default), Entry(3, Stamp, new RefDot(0xAB, 7)));
        for (var at = 0; at < bytes.Length; at++)
        {
            foreach (var value in new byte[] { 0, 1, 0x7F, 0x80, 0xFF })
            {
                var mutated = bytes.ToArray();
                mutated[at] = value;
                try
                {
                    ShardFrameCodec.Decode(mutated);
                }
                catch (ShardFrameException)
                {
                    // Expected for bytes that are not a frame.
                }
            }
        }

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes.AsSpan(0, length)));
        }
    }

    private static PresenceEntry Entry(ulong sequence, SessionStamp? stamp, RefDot refDot, string topic = "t") =>
        new(Owner, sequence, sequence, 0, 3, topic, "k", default, stamp, refDot);

    private static byte[] Encode(params PresenceEntry[] entries)
    {
        var dots = new ReplicaState<PresenceEntry>();
        foreach (var entry in entries)
        {
            dots.Add(entry.Sequence, entry);
        }

        return ShardFrameCodec.Encode(new DeltaFrame(new Sender(Owner, 5, 7, 1, 3), dots));
    }
}
