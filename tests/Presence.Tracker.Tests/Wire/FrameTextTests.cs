using System.Runtime.InteropServices;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Wire;

public sealed class FrameTextTests
{
    private static readonly PresenceLimits Large = new() { MaxTopicBytes = 65_536, MaxKeyBytes = 65_536 };
    private static readonly ReplicaId Owner = new("node-1", 300);

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("人")]
    [InlineData("\U0001F600")]
    public void Texts_of_every_length_survive(string unit)
    {
        var entries = Enumerable.Range(1, 130)
            .Select(length => string.Concat(Enumerable.Repeat(unit, length)))
            .Select((text, i) => Entry((ulong)i + 1, $"topic {text}", $"key {text}"))
            .ToArray();
        Assert.Equal(
            entries.Select(e => (e.Topic, e.Key)),
            Survived(entries).Live.Values.Select(e => (e.Topic, e.Key)));
    }

    [Fact]
    public void Frame_after_a_large_one_contains_nothing_of_it()
    {
        var small = Frame(Entry(1, "lobby", "ann"));
        var bytes = ShardFrameCodec.Encode(small);
        ShardFrameCodec.Encode(
            Frame([.. Enumerable.Range(1, 5000).Select(i => Entry((ulong)i, $"other {i}", $"key {i}"))]));
        Assert.Equal(bytes, ShardFrameCodec.Encode(small));
        var broken = Frame(Entry(1, "lobby", null!));
        Assert.ThrowsAny<Exception>(() => ShardFrameCodec.Encode(broken));
        Assert.Equal(bytes, ShardFrameCodec.Encode(small));
    }

    [Fact]
    public void Metadata_of_every_size_survives_and_keeps_little_other_memory()
    {
        var entries = Enumerable.Range(0, 1200)
            .Select(i => new PresenceEntry(
                Owner, (ulong)i + 1, (ulong)i + 1, 0, 3, "t", "k",
                    PresenceMeta.From(new { a = new string('x', i * 7 % 600) })))
            .ToArray();
        var survived = Survived(entries).Live.Values.ToArray();
        Assert.Equal(entries.Select(e => e.Meta), survived.Select(e => e.Meta));
        Assert.All(survived, entry =>
        {
            Assert.True(MemoryMarshal.TryGetArray(entry.Meta.Utf8, out var kept));
            Assert.InRange(kept.Array!.Length, entry.Meta.Length, Math.Max(512, entry.Meta.Length));
        });
    }

    [Fact]
    public void Entries_of_one_topic_share_its_name_across_frames()
    {
        // Frames of concurrent tests may replace the cached name.
        Assert.Contains(Enumerable.Range(0, 10), _ =>
        {
            var first = Survived(Entry(1, "shared by frames", "ann")).Live[1].Topic;
            var second = Survived(Entry(1, "shared by frames", "bob")).Live[1].Topic;
            return ReferenceEquals(first, second);
        });
    }

    [Fact]
    public void Names_with_one_cache_place_are_not_confused()
    {
        var entries = Enumerable.Range(1, 20_000).Select(i => Entry((ulong)i, $"one of many {i}", "k")).ToArray();
        foreach (var dots in new[] { Survived(entries), Survived(entries) })
        {
            Assert.All(dots.Live, live => Assert.Equal($"one of many {live.Key}", live.Value.Topic));
        }
    }

    private static ReplicaState<PresenceEntry> Survived(params PresenceEntry[] entries) =>
        ((DeltaFrame)ShardFrameCodec.Decode(ShardFrameCodec.Encode(Frame(entries)), limits: Large)).Delta;

    private static DeltaFrame Frame(params PresenceEntry[] entries)
    {
        var dots = new ReplicaState<PresenceEntry>();
        Array.ForEach(entries, entry => dots.Add(entry.Sequence, entry));
        return new DeltaFrame(new Sender(Owner, 300, 7, 2, 5), dots);
    }

    private static PresenceEntry Entry(ulong sequence, string topic, string key) =>
        new(Owner, sequence, sequence, 0, 3, topic, key, default);
}
