using System.Text;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Wire;

public sealed class FrameCodecTests
{
    private static readonly Sender From = new(new ReplicaId("node-1", 300), 300, 7, 2, 5);

    public static TheoryData<string, string> Golden => new()
    {
        { "heartbeat", "0101066E6F64652D31AC02AC0207020501066E6F64652D320904 02" },
        { "delta", "0102066E6F64652D31AC02AC02070205010802020300056C6F626279016B0B7B" +
            "2261223A2233C3A9227D020705010102010105010400010103626F62027B7D00" },
        { "request", "0103066E6F64652D31AC02AC020702050301066E6F64652D3209020103 0201" },
        { "repair", "0104066E6F64652D31AC02AC02070205066E6F64652D3209030702 010C02 00000001 0104" },
        { "probe", "0105066E6F64652D31AC02AC02070205066E6F64652D3209" },
        { "leave", "0106066E6F64652D31AC02AC02070205" },
        { "stale incarnation", "0107066E6F64652D31AC02AC02070205066E6F64652D3209" },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void Bytes_of_each_frame_are_compatible_with_other_versions(string name, string hex)
    {
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal),
            Convert.ToHexString(ShardFrameCodec.Encode(Sample(name))));
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexString(ShardFrameCodec.Encode(
            ShardFrameCodec.Decode(ShardFrameCodec.Encode(Sample(name))))));
    }

    [Fact]
    public void Heartbeat_of_a_reader_names_its_own_pool_size_at_the_end()
    {
        var heartbeat = (HeartbeatFrame)Sample("heartbeat") with { OwnPoolSize = 4 };
        var bytes = ShardFrameCodec.Encode(heartbeat);
        Assert.Equal([.. ShardFrameCodec.Encode(Sample("heartbeat")), 4], bytes);
        Assert.Equal(4, ((HeartbeatFrame)ShardFrameCodec.Decode(bytes)).OwnPoolSize);
    }

    [Theory]
    [MemberData(nameof(Golden))]
    public void Pool_size_is_read_without_decoding_the_frame(string name, string hex)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(Sample(name).From.PoolSize, ShardFrameCodec.PoolSizeOf(bytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1025)]
    public void Pool_size_that_no_node_can_have_is_rejected(int size)
    {
        var frame = new LeaveFrame(From with { PoolSize = size });
        var bytes = ShardFrameCodec.Encode(frame);
        Assert.Throws<ShardFrameException>(() => ShardFrameCodec.PoolSizeOf(bytes));
        Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes));
    }

    [Fact]
    public void Entry_survives_encoding_with_all_its_versions()
    {
        var delta = (DeltaFrame)ShardFrameCodec.Decode(ShardFrameCodec.Encode(Sample("delta")));
        var entry = delta.Delta.Live[8];
        Assert.Equal((6UL, 8UL, 6UL, 3UL, "lobby", "k", """{"a":"3é"}"""),
            (entry.CreatedSequence, entry.Sequence, entry.Previous, entry.Process, entry.Topic, entry.Key,
                entry.Meta.ToString()));
    }

    [Fact]
    public void Frame_cut_anywhere_is_rejected()
    {
        foreach (var name in Golden.Select(g => (string)g[0]))
        {
            var whole = ShardFrameCodec.Encode(Sample(name));
            for (var length = 0; length < whole.Length; length++)
            {
                Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(whole.AsSpan(0, length)));
            }
        }
    }

    [Fact]
    public void Garbage_is_rejected_or_decoded_and_never_crashes_or_exhausts_memory()
    {
        var random = new Random(20261121);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = i % 2 == 0 ? Mutated(random) : Noise(random);
            try
            {
                ShardFrameCodec.Decode(bytes);
            }
            catch (ShardFrameException)
            {
                // Expected for bytes that are not a frame.
            }
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000_000);
    }

    [Fact]
    public void Another_version_is_rejected_by_its_number()
    {
        var bytes = ShardFrameCodec.Encode(Sample("leave"));
        bytes[0] = 9;
        Assert.Contains("version 9", Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes)).Message);
    }

    [Fact]
    public void Unknown_kind_is_rejected()
    {
        var bytes = ShardFrameCodec.Encode(Sample("leave"));
        bytes[1] = 99;
        Assert.Contains("kind 99", Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes)).Message);
    }

    [Theory]
    [InlineData("lobby", "k", "no JSON", "not valid JSON")]
    [InlineData("lobby", "k", "[1]", "must be a JSON object")]
    [InlineData("lobby", "k", "{} {}", "not valid JSON")]
    [InlineData("lobby", "k", "{\"a\":\"0123456789\"}", "Metadata has 18 bytes; the limit is 16")]
    [InlineData("lobby too long", "k", "{}", "A topic has 14 bytes; 1 to 8 are allowed")]
    [InlineData("lobby", "key too long", "{}", "A key has 12 bytes; 1 to 8 are allowed")]
    [InlineData("", "k", "{}", "A topic has 0 bytes")]
    [InlineData("lobby", "", "{}", "A key has 0 bytes")]
    public void Value_that_no_node_may_send_is_rejected(string topic, string key, string meta, string reason)
    {
        var limits = new PresenceLimits { MaxTopicBytes = 8, MaxKeyBytes = 8, MaxMetaBytes = 16 };
        var dots = new ReplicaState<PresenceEntry>();
        var owner = new ReplicaId("n1", 5);
        var text = PresenceMeta.Trusted(Encoding.UTF8.GetBytes(meta));
        dots.Add(1, new PresenceEntry(owner, 1, 1, 0, 3, topic, key, text));
        var bytes = ShardFrameCodec.Encode(new DeltaFrame(new Sender(owner, 5, 7, 1, 1), dots));
        var error = Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes, limits: limits));
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Invalid_UTF_8_in_topic_key_metadata_and_node_is_rejected()
    {
        var owner = new ReplicaId("node", 5);
        var dots = new ReplicaState<PresenceEntry>();
        var meta = PresenceMeta.Parse("""{"a":"meta"}""");
        dots.Add(1, new PresenceEntry(owner, 1, 1, 0, 3, "topi", "keyy", meta));
        var bytes = ShardFrameCodec.Encode(new DeltaFrame(new Sender(owner, 5, 7, 1, 1), dots));
        foreach (var text in new[] { "node", "topi", "keyy", "meta" })
        {
            var broken = bytes.ToArray();
            broken[broken.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text))] = 0xFF;
            Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(broken));
        }
    }

    [Fact]
    public void Replacement_character_in_the_index_is_not_taken_for_invalid_UTF_8()
    {
        var owner = new ReplicaId("node", 5);
        var index = new TrackerShard(owner, 0, new TrackerOptions(), new PresenceLimits(), 1);
        index.Track(default, 1, "to\uFFFD", "k", default, new ShardEffects());
        var dots = new ReplicaState<PresenceEntry>();
        dots.Add(1, new PresenceEntry(owner, 1, 1, 0, 3, "toXX", "k", default));
        var bytes = ShardFrameCodec.Encode(new DeltaFrame(new Sender(owner, 5, 7, 1, 1), dots));
        var at = bytes.AsSpan().IndexOf("toXX"u8);
        (bytes[at - 1], bytes[at + 2]) = (3, 0xFF);
        bytes = [.. bytes[..(at + 3)], .. bytes[(at + 4)..]];
        Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes, index.Names));
    }

    private static byte[] Mutated(Random random)
    {
        var bytes = ShardFrameCodec.Encode(Sample((string)Golden.ElementAt(random.Next(7))[0]));
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return bytes;
    }

    private static byte[] Noise(Random random)
    {
        var bytes = new byte[random.Next(200)];
        random.NextBytes(bytes);
        if (bytes.Length > 2)
        {
            (bytes[0], bytes[1]) = (ShardFrameCodec.Version, (byte)random.Next(1, 8));
        }

        return bytes;
    }

    private static ShardFrame Sample(string name)
    {
        var other = new ReplicaId("node-2", 9);
        return name switch
        {
            "heartbeat" => new HeartbeatFrame(From, [new Clock(other, 4, 6)]),
            "delta" => new DeltaFrame(From, Delta()),
            "request" => new RequestFrame(
                From, 3, [new ReplicaContext(other, new IntervalSet(new Interval(1, 4), new Interval(6, 7)))]),
            "repair" => new RepairFrame(From, other, Removed(), new PartSequence(12, 2), UpTo: 7, Max: 9, Request: 3),
            "probe" => new ProbeFrame(From, other),
            "leave" => new LeaveFrame(From),
            "stale incarnation" => new StaleIncarnationFrame(From, other),
            _ => throw new ArgumentException(name),
        };
    }

    private static ReplicaState<PresenceEntry> Removed()
    {
        var dots = new ReplicaState<PresenceEntry>();
        dots.MarkRemoved(new Interval(1, 5));
        return dots;
    }

    /// <summary>6 joined; 8 updated it (7 is the tick); 9 ended 4.</summary>
    private static ReplicaState<PresenceEntry> Delta()
    {
        var dots = new ReplicaState<PresenceEntry>();
        dots.Add(8, new PresenceEntry(
            From.Replica, 8, 6, 6, 3, "lobby", "k", PresenceMeta.Trusted("""{"a":"3é"}"""u8.ToArray())));
        dots.Remove(new Removal(7, (byte)LeaveReason.Replaced, new ulong[] { 6 }));
        dots.Remove(new Removal(9, (byte)LeaveReason.SessionEnded, new ulong[] { 4 }));
        dots.AddFinal(4, new PresenceEntry(From.Replica, 4, 4, 0, 1, "lobby", "bob", default));
        return dots;
    }
}
