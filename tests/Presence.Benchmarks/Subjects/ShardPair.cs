using System.Collections.Concurrent;
using Presence.Crdt;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Benchmarks.Subjects;

/// <summary>
/// Two shards in virtual time, connected through the codec: frames are encoded and decoded, so the shards share no
/// objects. Only the application of frames is timed, unless a row says otherwise.
/// </summary>
internal sealed class ShardPair
{
    /// <summary>Frames that a node applies as one batch.</summary>
    private const int FramesTogether = 8;

    private readonly ShardEffects _effects = new();
    private readonly List<byte[]> _toB = [];
    private readonly List<byte[]> _toA = [];

    public ShardPair()
    {
        A = new TrackerShard(new ReplicaId("a", 1), 0, new TrackerOptions(), new PresenceLimits(), 1);
        B = NewB(1);
        A.Start(Now, _effects);
        Gather(_toB);
        Join();
    }

    public TrackerShard A { get; }

    /// <summary>The receiving shard.</summary>
    public TrackerShard B { get; private set; }

    public TimeSpan Now { get; private set; }

    public ReplicaId IdOfA => A.Self;

    /// <summary>
    /// Tracks key i for session <paramref name="from"/> + i at A, each in its own topic or all in one.
    /// </summary>
    public void Fill(int count, int topics = 1, int from = 1)
    {
        for (var i = 0; i < count; i++)
        {
            A.Track(Now, (ulong)(from + i), People.Topic(i % topics), People.Key(i), People.Meta(i), _effects);
            Gather(_toB);
            if (i % 5000 == 4999)
            {
                Exchange();
            }
        }

        Exchange();
        for (var steps = 0; B.Index.Count != A.Index.Count && steps < 100; steps++)
        {
            Step();
            Exchange();
        }

        if (B.Index.Count != A.Index.Count)
        {
            throw new InvalidOperationException($"B shows {B.Index.Count} of {A.Index.Count} presences.");
        }
    }

    /// <summary>Changes A; its frames are kept until <see cref="TakeAtB"/>.</summary>
    public void ChangeA(Action<TrackerShard, TimeSpan, ShardEffects> change)
    {
        change(A, Now, _effects);
        Gather(_toB);
    }

    /// <summary>
    /// Starts A's batch delay with a change, so that later changes are sent in as few frames as possible.
    /// </summary>
    public void OpenWindow(int number)
    {
        Now += TimeSpan.FromSeconds(1);
        ChangeA((a, now, effects) => a.Track(
            now, ulong.MaxValue - (ulong)number, "window", People.Key(number), default, effects));
        TakeAtB();
    }

    /// <summary>Delivers the batch of A to B and returns the time B took.</summary>
    public TimeSpan TakeAtB()
    {
        FlushA();
        var frames = _toB.ConvertAll(bytes => ShardFrameCodec.Decode(bytes, B.Names));
        _toB.Clear();
        var begun = Stopwatch.GetTimestamp();
        foreach (var frame in frames)
        {
            B.Receive(Now, frame, _effects);
        }

        var took = Stopwatch.GetElapsedTime(begun);
        Gather(_toA);
        return took;
    }

    /// <summary>Connects a new B with A and measures until B lists the presences of A, codec included.</summary>
    /// <returns>The time and the bytes that A sent.</returns>
    public (TimeSpan Took, long Bytes) JoinAnew(ulong incarnation)
    {
        var fresh = NewB(incarnation);
        _toA.Clear();
        _toB.Clear();
        Now += TimeSpan.FromSeconds(1);
        var begun = Stopwatch.GetTimestamp();
        B = fresh;
        Join();
        var bytes = 0L;
        while (B.Index.Count < A.Index.Count)
        {
            if (_toA.Count == 0 && _toB.Count == 0)
            {
                Step();
            }

            bytes += _toB.Sum(frame => (long)frame.Length);
            Deliver(_toB, B);
            bytes += DeliverAsTheyCome(AnswersOfA(), B);
        }

        return (Stopwatch.GetElapsedTime(begun), bytes);
    }

    /// <summary>Returns the time that B takes to remove A and its presences.</summary>
    public TimeSpan LoseA()
    {
        var begun = Stopwatch.GetTimestamp();
        B.NodeGone(Now, A.Self.Node, A.Self.Incarnation, _effects);
        var took = Stopwatch.GetElapsedTime(begun);
        _effects.Clear();
        return B.Index.Count == 0 ? took : throw new InvalidOperationException($"B still lists {B.Index.Count}.");
    }

    /// <summary>Releases the state of B.</summary>
    public void ForgetB() => B = NewB(0);

    private static TrackerShard NewB(ulong incarnation) =>
        new(new ReplicaId("b", incarnation), 0, new TrackerOptions(), new PresenceLimits(), 2);

    private void Join()
    {
        B.Start(Now, _effects);
        Gather(_toA);
        A.NodeJoined(Now, "b", _effects);
        Gather(_toB);
        B.NodeJoined(Now, "a", _effects);
        Gather(_toA);
    }

    /// <summary>Delivers frames until neither has any to send.</summary>
    private void Exchange()
    {
        FlushA();
        while (_toA.Count + _toB.Count > 0)
        {
            Deliver(_toB, B);
            Deliver(_toA, A);
        }
    }

    /// <summary>Advances time until one of the two has work.</summary>
    private void Step()
    {
        TimeSpan?[] times = [A.NextTick, B.NextTick, A.NextFlush, B.NextFlush];
        Now = times.Min()!.Value;
        foreach (var (shard, frames) in new[] { (A, _toB), (B, _toA) })
        {
            if (shard.NextTick <= Now)
            {
                shard.Tick(Now, _effects);
            }

            if (shard.NextFlush <= Now)
            {
                shard.Flush(Now, _effects);
            }

            Gather(frames);
        }
    }

    private void FlushA()
    {
        if (A.NextFlush is { } due)
        {
            Now = due > Now ? due : Now;
            A.Flush(Now, _effects);
            Gather(_toB);
        }
    }

    private void Deliver(List<byte[]> frames, TrackerShard shard)
    {
        var now = frames.ToArray();
        frames.Clear();
        foreach (var together in now.Chunk(FramesTogether))
        {
            foreach (var bytes in together)
            {
                shard.Take(Now, ShardFrameCodec.Decode(bytes, shard.Names), _effects);
            }

            shard.Publish();
            Gather(ReferenceEquals(shard, A) ? _toB : _toA);
        }
    }

    /// <summary>Processes the frames sent to A and collects its responses.</summary>
    private List<ShardFrame> AnswersOfA()
    {
        foreach (var bytes in _toA)
        {
            A.Take(Now, ShardFrameCodec.Decode(bytes, A.Names), _effects);
        }

        _toA.Clear();
        A.Publish();
        var frames = _effects.Frames.ConvertAll(outgoing => outgoing.Frame);
        _effects.Clear();
        return frames;
    }

    /// <summary>
    /// Delivers as between two nodes: frames are encoded and decoded one by one, while the receiver's shard applies
    /// those that have arrived.
    /// </summary>
    /// <returns>Bytes of the frames.</returns>
    private long DeliverAsTheyCome(List<ShardFrame> frames, TrackerShard shard)
    {
        using var decoded = new BlockingCollection<ShardFrame>(frames.Count + 1);
        var transport = Task.Run(() =>
        {
            var sent = 0L;
            foreach (var frame in frames)
            {
                var bytes = ShardFrameCodec.Encode(frame);
                sent += bytes.Length;
                decoded.Add(ShardFrameCodec.Decode(bytes, shard.Names));
            }

            decoded.CompleteAdding();
            return sent;
        });
        while (decoded.TryTake(out var frame, Timeout.Infinite))
        {
            var left = FramesTogether;
            do
            {
                shard.Take(Now, frame, _effects);
            }
            while (--left > 0 && decoded.TryTake(out frame));
            shard.Publish();
            Gather(_toA);
        }

        return transport.GetAwaiter().GetResult();
    }

    private void Gather(List<byte[]> frames)
    {
        frames.AddRange(_effects.Frames.Select(outgoing => ShardFrameCodec.Encode(outgoing.Frame)));
        _effects.Clear();
    }
}
