using Presence.Node;
using Presence.Node.Sessions;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>A real shard on a <see cref="SessionNode"/>.</summary>
internal sealed class SimulatedShard : SessionShard, ISessionLink
{
    private readonly SessionNode _node;
    private readonly SessionHistory _history;
    private TimeSpan _wakeAt = TimeSpan.MaxValue;

    public SimulatedShard(SessionNode node, int shard, SessionHistory history, ulong seed)
    {
        _node = node;
        _history = history;
        Shard = shard;
        Machine = new TrackerShard(node.Self, shard, history.Tracker, new PresenceLimits(), seed);
        Machine.Plant(history.Options.ShardDefect);
    }

    public TrackerShard Machine { get; }

    public override string Tracker => SessionNode.Tracker;

    public override int Shard { get; }

    public override bool Has(string tracker, string topic) => tracker == Tracker && _node.ShardOf(topic) == this;

    public override ISessionLink Link => this;

    public override ValueTask<T> RunAsync<T>(Func<TrackerShard, TimeSpan, ShardEffects, T> command) =>
        ValueTask.FromResult(Step(command));

    public void Ended(PresenceSession session) =>
        Step((s, now, effects) => s.UntrackAll(now, session.Id, session.EndReason, effects));

    public void Step(Action<TrackerShard, TimeSpan, ShardEffects> input) => Step((s, now, effects) =>
    {
        input(s, now, effects);
        return true;
    });

    public T Step<T>(Func<TrackerShard, TimeSpan, ShardEffects, T> input)
    {
        var effects = new ShardEffects();
        var result = input(Machine, _node.Now, effects);
        foreach (var change in effects.Changes)
        {
            _history.OnChange(_node, change);
        }

        foreach (var (to, frame) in effects.Frames)
        {
            _history.Send(_node, to, Shard, frame);
        }

        foreach (var probe in effects.Probes)
        {
            Probe(probe);
        }

        foreach (var sighting in effects.Sessions)
        {
            _history.Rules.Sighted(_node, sighting);
        }

        foreach (var hidden in effects.Hidden)
        {
            _node.Sessions.OnHidden(hidden);
        }

        ScheduleWake();
        return result;
    }

    public void Receive(ReadOnlyMemory<byte> bytes) => Step((s, now, effects) =>
        s.Receive(now, ShardFrameCodec.Decode(bytes.Span, s.Names), effects));

    public void Wake()
    {
        _wakeAt = TimeSpan.MaxValue;
        Step((s, now, effects) =>
        {
            if (s.NextFlush <= now)
            {
                s.Flush(now, effects);
            }

            if (s.NextTick <= now)
            {
                s.Tick(now, effects);
            }
        });
    }

    private void ScheduleWake()
    {
        var due = Machine.NextFlush is { } flush && flush < Machine.NextTick ? flush : Machine.NextTick;
        if (due < _wakeAt)
        {
            _wakeAt = due;
            _node.Schedule(due, () =>
            {
                if (_wakeAt <= _node.Now)
                {
                    Wake();
                }
            });
        }
    }

    private void Probe(ProbeFrame probe)
    {
        var (from, to) = (_node.Name, probe.Target.Node);
        var bytes = ShardFrameCodec.Encode(probe);
        var isDone = false;
        _history.Time.After(TimeSpan.FromMilliseconds(150), () => End(false));
        if (!_history.CanReach(from, to))
        {
            return;
        }

        _history.Time.After(_history.Network.Delay(from, to), () => _history.Find(to)?.Accept(() =>
        {
            var target = (SimulatedShard)_history.Find(to)!.Shards[Shard];
            var isTarget = target.Step(
                (s, now, effects) => s.Probed(now, (ProbeFrame)ShardFrameCodec.Decode(bytes), effects));
            if (_history.CanReach(to, from))
            {
                _history.Time.After(_history.Network.Delay(to, from), () => End(isTarget));
            }
        }));

        void End(bool answered)
        {
            if (!isDone)
            {
                isDone = true;
                _node.Accept(() => Step((s, now, effects) => s.ProbeAnswered(now, probe.Target, answered, effects)));
            }
        }
    }
}
