using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Wire;

public sealed class FrameCounterTests
{
    private static readonly byte[] Stream =
    [
        0x89, 0x80, 1, 2, 3, 4,                                   // an empty ping
        0x01, 0x83, 1, 2, 3, 4, (byte)'a', (byte)'b', (byte)'c',  // the begin of a message
        0x00, 0x80, 1, 2, 3, 4,                                   // an empty part of it
        0x80, 0xFE, 0, 126, 1, 2, 3, 4, .. new byte[126],         // the end, with a length of two bytes
        0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4, .. new byte[65536],
        0x8A, 0x00,                                               // a pong without a mask
        0x88, 0x82, 1, 2, 3, 4, 5, 6,
    ];

    [Fact]
    public void Counts_messages_parts_pings_and_empty_frames()
    {
        var counter = default(FrameCounter);
        Assert.Equal(7, counter.Count(Stream));
        Assert.Equal(1, counter.Count([0x89, 0x80, 1, 2, 3, 4]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(139)]
    public void Frames_may_be_split_anywhere(int size)
    {
        var counter = default(FrameCounter);
        Assert.Equal(7, Stream.Chunk(size).Sum(part => counter.Count(part)));
    }
}
