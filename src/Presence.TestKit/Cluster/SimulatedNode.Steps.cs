using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.TestKit;

/// <summary>The changes of the shards of one number on all nodes with one pool size.</summary>
internal readonly record struct Lane(int PoolSize, int Number)
{
    public static Lane Of(TrackerShard shard) => new(shard.PoolSize, shard.Shard);
}

/// <summary>An encoded frame and the lane that it is about.</summary>
internal readonly record struct LaneFrame(Lane Lane, ReadOnlyMemory<byte> Bytes);

/// <summary>The kinds of input of a shard.</summary>
internal enum StepCause
{
    Start,
    Operation,
    Tick,
    Flush,
    Frame,
    Probe,
    Hint,
    Leave,
}

public sealed partial class SimulatedNode
{
    /// <summary>Gets the errors in the changes of the last step.</summary>
    internal List<string> ReplayErrors { get; } = [];

    private readonly List<(string? To, LaneFrame Frame)> _leaveFrames = [];

    private void StepEach(StepCause cause, Action<TrackerShard, TimeSpan> input)
    {
        foreach (var shard in Shards)
        {
            Step(shard, cause, now => input(shard, now));
        }
    }

    private void Step(TrackerShard shard, StepCause cause, Action<TimeSpan> input)
    {
        Stepping = shard;
        _effects.Clear();
        ReplayErrors.Clear();
        input(LocalNow);
        _seam.Stepped(_effects);
        foreach (var change in _effects.Changes)
        {
            if (Shown.Apply(change) is { } error)
            {
                ReplayErrors.Add(error);
            }
        }

        if (_shards[0].Self != _self)
        {
            _cluster.RecordEnd(_self);
            _self = _shards[0].Self;
            Local.Renumber(_cluster.Now, _self, Shown);
            _cluster.Renumbered(this);
        }

        _cluster.Stepped(this, cause, _effects);
        ExecuteEffects(shard, cause);
    }

    private void ExecuteEffects(TrackerShard shard, StepCause cause)
    {
        if (cause == StepCause.Leave)
        {
            _leaveFrames.AddRange(Encoded(shard));
            return;
        }

        foreach (var (to, frame) in Encoded(shard))
        {
            _cluster.Send(this, to, frame);
        }

        foreach (var probe in _effects.Probes)
        {
            _cluster.Probe(this, shard, probe.Target, new LaneFrame(Lane.Of(shard), ShardFrameCodec.Encode(probe)));
        }

        if (_effects.Events.Exists(e => e.Kind == ReplicaEventKind.NameConflict))
        {
            Stop("stopped: name conflict");
            return;
        }

        ScheduleWake();
        RelateToOtherPools(shard);
    }

    /// <summary>Does for shards with other pool sizes what the last step has shown of a node.</summary>
    private void RelateToOtherPools(TrackerShard stepped)
    {
        var started = _effects.Started.ToArray();
        OtherPool[] others =
            [.. _effects.OtherPools, .. started.Select(process => new OtherPool(process.Node, stepped.PoolSize))];
        foreach (var other in others.Where(other => other.PoolSize != PoolSize))
        {
            foreach (var reader in ReadersOf(other.PoolSize))
            {
                Step(reader, StepCause.Hint, now => reader.NodeJoined(now, other.Node, _effects, isWriter: true));
            }
        }

        foreach (var process in _readers.Count > 0 ? started : [])
        {
            foreach (var shard in Shards.Where(shard => shard.PoolSize != stepped.PoolSize))
            {
                Step(shard, StepCause.Hint, now => shard.ProcessStarted(now, process, _effects));
            }
        }
    }

    private List<(string? To, LaneFrame Frame)> Encoded(TrackerShard shard)
    {
        var encoded = new List<(string?, LaneFrame)>(_effects.Frames.Count);
        foreach (var outgoing in _effects.Frames)
        {
            if (_seam.Sending(outgoing) is { } frame)
            {
                encoded.Add((frame.To, new LaneFrame(Lane.Of(shard), ShardFrameCodec.Encode(frame.Frame))));
            }
        }

        return encoded;
    }

    private void ScheduleWake()
    {
        if (State != SimulatedNodeState.Running)
        {
            return;
        }

        var due = Shards.Min(s => s.NextFlush is { } flush && flush < s.NextTick ? flush : s.NextTick);
        var at = _clock.WhenShows(due);
        if (at == _wakeAt)
        {
            return;
        }

        _wakeAt = at;
        var wake = ++_wake;
        _cluster.Time.At(at, () =>
        {
            if (wake == _wake)
            {
                Wake();
            }
        });
    }

    private void Wake()
    {
        _wakeAt = TimeSpan.MaxValue;
        if (State != SimulatedNodeState.Running)
        {
            return;
        }

        foreach (var shard in Shards)
        {
            Wake(shard, LocalNow);
        }

        ScheduleWake();
    }

    private void Wake(TrackerShard shard, TimeSpan now)
    {
        if (State == SimulatedNodeState.Running && shard.NextFlush <= now)
        {
            Step(shard, StepCause.Flush, at => shard.Flush(at, _effects));
        }

        if (State == SimulatedNodeState.Running && shard.NextTick <= now)
        {
            Step(shard, StepCause.Tick, at => shard.Tick(at, _effects));
            if (shard.NextTick <= now || shard.NextFlush <= now)
            {
                throw new InvalidOperationException(
                    $"{this}: at {now} the next tick is {shard.NextTick} and the next flush {shard.NextFlush}.");
            }
        }
    }
}
