using Presence.Tracker;

namespace Presence.TestKit;

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

    private void Step(StepCause cause, Action<TimeSpan> input)
    {
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

        if (Shard.Self != _self)
        {
            _cluster.RecordEnd(_self);
            _self = Shard.Self;
            Local.Renumber(_cluster.Now, _self, Shown);
            _cluster.Renumbered(this);
        }

        _cluster.Stepped(this, cause, _effects);
        ExecuteEffects(cause);
    }

    private void ExecuteEffects(StepCause cause)
    {
        if (cause == StepCause.Leave)
        {
            _cluster.Leave(this, Encoded());
            return;
        }

        foreach (var (to, bytes) in Encoded())
        {
            _cluster.Send(this, to, bytes);
        }

        foreach (var probe in _effects.Probes)
        {
            _cluster.Probe(this, probe.Target, ShardFrameCodec.Encode(probe));
        }

        if (_effects.Events.Exists(e => e.Kind == ReplicaEventKind.NameConflict))
        {
            Stop("stopped: name conflict");
            return;
        }

        ScheduleWake();
    }

    private List<(string? To, ReadOnlyMemory<byte> Bytes)> Encoded()
    {
        var encoded = new List<(string?, ReadOnlyMemory<byte>)>(_effects.Frames.Count);
        foreach (var outgoing in _effects.Frames)
        {
            if (_seam.Sending(outgoing) is { } frame)
            {
                encoded.Add((frame.To, ShardFrameCodec.Encode(frame.Frame)));
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

        var due = Shard.NextFlush is { } flush && flush < Shard.NextTick ? flush : Shard.NextTick;
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

        var now = LocalNow;
        if (Shard.NextFlush <= now)
        {
            Step(StepCause.Flush, at => Shard.Flush(at, _effects));
        }

        if (State == SimulatedNodeState.Running && Shard.NextTick <= now)
        {
            Step(StepCause.Tick, at => Shard.Tick(at, _effects));
            if (Shard.NextTick <= now || Shard.NextFlush <= now)
            {
                throw new InvalidOperationException(
                    $"{this}: at {now} the next tick is {Shard.NextTick} and the next flush {Shard.NextFlush}.");
            }
        }

        ScheduleWake();
    }
}
