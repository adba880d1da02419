using Presence.Crdt;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Benchmarks.Subjects;

/// <summary>Many shards in virtual time. Frames are encoded once, decoded by each receiver and never lost.</summary>
internal sealed class ShardMesh
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(1);

    private readonly List<TrackerShard> _shards = [];
    private readonly Dictionary<string, TrackerShard> _byName = [];
    private readonly Queue<(TrackerShard From, OutgoingFrame Frame)> _sent = new();
    private readonly ShardEffects _effects = new();
    private TimeSpan _now;
    private int _changes;

    public ShardMesh(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var shard = new TrackerShard(
                new ReplicaId($"n{i}", 1), 0, new TrackerOptions(), new PresenceLimits(), (ulong)i + 1);
            shard.Start(_now, _effects);
            Gather(shard);
            _shards.Add(shard);
            _byName.Add(shard.Self.Node, shard);
        }

        foreach (var shard in _shards)
        {
            foreach (var other in _shards.Where(other => other != shard))
            {
                shard.NodeJoined(_now, other.Self.Node, _effects);
            }

            Gather(shard);
        }

        Deliver();
        Run(TimeSpan.FromSeconds(10), perSecond: 0);
        (Frames, Bytes) = (0, 0);
    }

    /// <summary>Gets the number of received frames.</summary>
    public long Frames { get; private set; }

    /// <summary>Gets the bytes of the received frames.</summary>
    public long Bytes { get; private set; }

    /// <summary>Lets time pass while the nodes in turn make changes.</summary>
    public void Run(TimeSpan time, int perSecond)
    {
        var (begun, made) = (_now, 0);
        while (_now < begun + time)
        {
            _now += Step;
            while (made < (_now - begun).TotalSeconds * perSecond)
            {
                var shard = _shards[_changes % _shards.Count];
                shard.Track(
                    _now,
                    (ulong)_changes + 1,
                    People.Topic(_changes % 100),
                    People.Key(_changes),
                    People.Meta(_changes),
                    _effects);
                (_changes, made) = (_changes + 1, made + 1);
                Gather(shard);
            }

            foreach (var shard in _shards)
            {
                if (shard.NextTick <= _now)
                {
                    shard.Tick(_now, _effects);
                }

                if (shard.NextFlush <= _now)
                {
                    shard.Flush(_now, _effects);
                }

                Gather(shard);
            }

            Deliver();
        }

        if (_shards.Any(shard => shard.Index.Count < _changes * 0.9))
        {
            throw new InvalidOperationException("A node lacks more than a tenth of the changes.");
        }
    }

    private void Deliver()
    {
        while (_sent.TryDequeue(out var sent))
        {
            var bytes = ShardFrameCodec.Encode(sent.Frame.Frame);
            var receivers = sent.Frame.To is { } name ? [_byName[name]] : _shards.Where(shard => shard != sent.From);
            foreach (var receiver in receivers)
            {
                (Frames, Bytes) = (Frames + 1, Bytes + bytes.Length);
                receiver.Receive(_now, ShardFrameCodec.Decode(bytes, receiver.Names), _effects);
                Gather(receiver);
            }
        }
    }

    private void Gather(TrackerShard from)
    {
        _effects.Frames.ForEach(frame => _sent.Enqueue((from, frame)));
        _effects.Clear();
    }
}
