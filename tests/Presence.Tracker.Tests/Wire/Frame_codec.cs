namespace Presence.Tracker.Tests.Wire;

public sealed class Frame_codec
{
    private static readonly Sender From = new(new ReplicaId("node-1", 300), 300, 7, 2, 5);

    public static TheoryData<string, string> Golden => new()
    {
        { "heartbeat", "0101066E6F64652D31AC02AC0207020501066E6F64652D320904 02" },
        { "delta", "0102066E6F64652D31AC02AC02070205010802020300056C6F626279016B0B7B" +
            "2261223A2233C3A9227D020705010102010105010400010103626F62027B7D00" },
        { "request", "0103066E6F64652D31AC02AC020702050301066E6F64652D3209020103 0201" },
        { "repair", "0104066E6F64652D31AC02AC02070205066E6F64652D32090303 0C02 00000001 0104" },
        { "probe", "0105066E6F64652D31AC02AC02070205066E6F64652D3209" },
        { "farewell", "0106066E6F64652D31AC02AC02070205" },
        { "obituary", "0107066E6F64652D31AC02AC02070205066E6F64652D3209" },
    };

    [Theory]
    [MemberData(nameof(Golden))]
    public void The_bytes_of_each_frame_are_those_that_other_versions_know(string name, string hex)
    {
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexString(ShardFrameCodec.Encode(Sample(name))));
        Assert.Equal(hex.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexString(ShardFrameCodec.Encode(
            ShardFrameCodec.Decode(ShardFrameCodec.Encode(Sample(name))))));
    }

    [Fact]
    public void An_entry_survives_with_all_its_versions()
    {
        var delta = (DeltaFrame)ShardFrameCodec.Decode(ShardFrameCodec.Encode(Sample("delta")));
        var entry = delta.Delta.Live[8];
        Assert.Equal((6UL, 8UL, 6UL, 3UL, "lobby", "k", """{"a":"3é"}"""),
            (entry.Born, entry.Sequence, entry.Previous, entry.Process, entry.Topic, entry.Key, entry.Meta.ToString()));
    }

    [Fact]
    public void A_frame_cut_anywhere_is_refused()
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
    public void Garbage_is_refused_or_read_and_never_breaks_or_fills_the_memory()
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
                // What is expected of bytes that are no frame.
            }
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000_000);
    }

    [Fact]
    public void Another_version_is_refused_by_its_number()
    {
        var bytes = ShardFrameCodec.Encode(Sample("farewell"));
        bytes[0] = 9;
        Assert.Contains("version 9", Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes)).Message);
    }

    [Fact]
    public void An_unknown_kind_is_refused()
    {
        var bytes = ShardFrameCodec.Encode(Sample("farewell"));
        bytes[1] = 99;
        Assert.Contains("kind 99", Assert.Throws<ShardFrameException>(() => ShardFrameCodec.Decode(bytes)).Message);
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
            "request" => new RequestFrame(From, 3, [new ReplicaContext(other, new IntervalSet(new Interval(1, 4), new Interval(6, 7)))]),
            "repair" => new RepairFrame(From, other, Dead(), new PartSequence(12, 2), More: true, Request: 3),
            "probe" => new ProbeFrame(From, other),
            "farewell" => new FarewellFrame(From),
            "obituary" => new ObituaryFrame(From, other),
            _ => throw new ArgumentException(name),
        };
    }

    private static ReplicaDots<PresenceEntry> Dead()
    {
        var dots = new ReplicaDots<PresenceEntry>();
        dots.Kill(new Interval(1, 5));
        return dots;
    }

    /// <summary>6 joined; 8 is an update of it (7 its tick); 9 ended 4.</summary>
    private static ReplicaDots<PresenceEntry> Delta()
    {
        var dots = new ReplicaDots<PresenceEntry>();
        dots.Add(8, new PresenceEntry(From.Replica, 8, 6, 6, 3, "lobby", "k", PresenceMeta.Trusted("""{"a":"3é"}"""u8.ToArray())));
        dots.Remove(new Removal(7, (byte)LeaveReason.Replaced, new ulong[] { 6 }));
        dots.Remove(new Removal(9, (byte)LeaveReason.ProcessEnded, new ulong[] { 4 }));
        dots.AddFinal(4, new PresenceEntry(From.Replica, 4, 4, 0, 1, "lobby", "bob", default));
        return dots;
    }
}
