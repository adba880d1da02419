using Presence.Crdt;
using Presence.TestKit.Network;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit;

public sealed partial class SimulatedCluster
{
    private const int MaxViolations = 3;
    private static readonly TimeSpan LeaveRetry = TimeSpan.FromMilliseconds(50);

    internal TrackerOptions TrackerOptions(int poolSize) => poolSize == Options.Tracker.PoolSize
        ? Options.Tracker
        : new TrackerOptions
        {
            BroadcastPeriod = Options.Tracker.BroadcastPeriod,
            MaxSilentPeriods = Options.Tracker.MaxSilentPeriods,
            DownPeriod = Options.Tracker.DownPeriod,
            PermDownPeriod = Options.Tracker.PermDownPeriod,
            ClockSamplePeriods = Options.Tracker.ClockSamplePeriods,
            MaxDeltaSizes = Options.Tracker.MaxDeltaSizes,
            DeltaDelay = Options.Tracker.DeltaDelay,
            PoolSize = poolSize,
        };

    /// <summary>Gets whether small repairs need several frames.</summary>
    internal bool HasSmallFrames => Options.Frames != FrameBounds.Production;

    internal void CountInboxDrop() => InboxDrops++;

    /// <summary>Records that no process uses this replica any more.</summary>
    internal void RecordEnd(ReplicaId replica) => _endings[replica] = Now;

    /// <summary>
    /// Returns whether two nodes started as this replica, because a wall clock went back. Its dots are ambiguous until
    /// the later node detects the conflict.
    /// </summary>
    internal bool IsShared(ReplicaId replica) => _shared.Contains(replica);

    /// <summary>Returns the pool size of the node that uses or used a replica.</summary>
    internal int PoolOf(ReplicaId replica) => _pools.GetValueOrDefault(replica, Options.Tracker.PoolSize);

    /// <summary>Returns when the last node with this replica ended; null while one lives.</summary>
    internal TimeSpan? GoneSince(ReplicaId replica) =>
        _living.Exists(node => node.Self == replica) ? null : _endings.GetValueOrDefault(replica);

    internal void Violate(string invariant, SimulatedNode node, string message)
    {
        if (_violations.Count < MaxViolations)
        {
            _violations.Add(new Violation(Now, invariant, node.Name, message));
            Trace?.Invoke($"VIOLATION {_violations[^1]}");
        }
    }

    /// <summary>Checks that a result equals that of the model.</summary>
    internal void Expect<T>(SimulatedNode node, T model, T answer, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(model, answer))
        {
            Violate("CallsAnswerAsTheModel", node, $"{what}: expected {model}, was {answer}");
        }
    }

    internal void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            _transitions[(int)e.Kind]++;
            Trace?.Invoke($"{node.Name} {e.Kind} {e.Replica} {e.Detail}");
        }

        if (Trace is not null)
        {
            foreach (var change in effects.Changes)
            {
                var reason = change.Kind == PresenceChangeKind.Left ? $"{change.Reason}" : "";
                Trace($"{node.Name} {change.Kind} {change.Entry} {reason}");
            }
        }

        foreach (var invariant in _invariants)
        {
            invariant.Stepped(node, cause, effects);
        }
    }

    internal void Renumbered(SimulatedNode node)
    {
        _pools[node.Self] = node.PoolSize;
        Connectivity.Forget(node);
        Connectivity.Refresh(_living);
        foreach (var invariant in _invariants)
        {
            invariant.Started(node);
        }
    }

    internal void TopologyChanged(SimulatedNode? node, string how)
    {
        if (node is not null)
        {
            Trace?.Invoke($"{node.Name} {how}");
            _living.Clear();
            _living.AddRange(_all.Where(one => one.IsAlive));
            foreach (var one in _living)
            {
                one.HasDuplicate = _living.Exists(other => other != one && other.Name == one.Name);
            }
        }

        Connectivity.Refresh(_living);
    }

    internal void Send(SimulatedNode from, string? to, LaneFrame frame)
    {
        if (to is not null)
        {
            Network.Send(from.Name, to, () => Arrive(from, to, frame));
            return;
        }

        foreach (var name in Names(from))
        {
            Network.Send(from.Name, name, () => Arrive(from, name, frame));
        }
    }

    /// <summary>Sends a probe: not lost while the link is open; fails without an answer within the timeout.</summary>
    internal void Probe(SimulatedNode from, TrackerShard shard, ReplicaId target, LaneFrame frame)
    {
        Trace?.Invoke($"{from.Name} probes {target}");
        var ended = false;
        Time.After(Options.ProbeTimeout, () => End(false));
        Time.After(Network.Delay(from.Name, target.Node), () =>
        {
            if (!Network.IsOpen(from.Name, target.Node))
            {
                return;
            }

            foreach (var node in _living.Where(one => one != from && one.Name == target.Node).ToList())
            {
                node.DeliverProbe(frame, isTarget =>
                {
                    // Of two nodes with one name the other one may be the target.
                    if ((isTarget || !node.HasDuplicate) && Network.IsOpen(target.Node, from.Name))
                    {
                        Time.After(Network.Delay(target.Node, from.Name), () => End(isTarget));
                    }
                });
            }
        });

        void End(bool answered)
        {
            if (!ended)
            {
                ended = true;
                from.ProbeEnded(shard, target, answered);
            }
        }
    }

    /// <summary>Sends leave frames repeatedly until they are acknowledged or the timeout ends.</summary>
    internal void Leave(SimulatedNode leaver, IReadOnlyList<(string? To, LaneFrame Frame)> leaveFrames)
    {
        var deadline = Now + Options.LeaveTimeout;
        var open = 0;
        foreach (var (to, frame) in leaveFrames)
        {
            foreach (var name in to is null ? Names(leaver) : [to])
            {
                open++;
                Attempt(name, frame);
            }
        }

        Time.At(deadline, End);

        void Attempt(string to, LaneFrame frame)
        {
            if (leaver.State != SimulatedNodeState.Leaving)
            {
                return;
            }

            var reachable = Network.IsOpen(leaver.Name, to) && Network.IsOpen(to, leaver.Name)
                && _living.Exists(one => one.Name == to && one.State == SimulatedNodeState.Running);
            if (!reachable)
            {
                Time.After(LeaveRetry, () => Attempt(to, frame));
                return;
            }

            Time.After(Network.Delay(leaver.Name, to), () =>
            {
                Arrive(leaver, to, frame);
                var running = _living.Where(one => one.Name == to && one.State == SimulatedNodeState.Running);
                foreach (var node in running.ToList())
                {
                    Ended(node, frame.Lane, leaver.Self);
                }

                Time.After(Network.Delay(to, leaver.Name), Acknowledged);
            });
        }

        void Acknowledged()
        {
            if (--open == 0)
            {
                End();
            }
        }

        void End()
        {
            if (leaver.State == SimulatedNodeState.Leaving)
            {
                leaver.Stop("left");
            }
        }
    }

    internal void HintGone(SimulatedNode gone)
    {
        var incarnation = gone.Incarnation;
        foreach (var node in _living.ToList())
        {
            if (!_random.Chance(Options.GoneHints))
            {
                continue;
            }

            Time.After(
                _random.Between(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2)),
                () => node.HintGone(new ReplicaId(gone.Name, incarnation)));
        }
    }

    /// <summary>Returns whether a hint is true: it also covers a later node whose clock went back.</summary>
    internal bool IsGone(ReplicaId replica) =>
        !_living.Exists(one => one.Name == replica.Node && one.Self.Incarnation <= replica.Incarnation);

    /// <summary>Notifies the rules that a node was notified of the end of a replica.</summary>
    internal void Ended(SimulatedNode node, Lane lane, ReplicaId replica)
    {
        foreach (var invariant in _invariants)
        {
            invariant.Ended(node, lane, replica);
        }
    }

    private void HintJoined(SimulatedNode joined)
    {
        foreach (var node in _living.ToList())
        {
            if (node.Name == joined.Name)
            {
                continue;
            }

            Hint(node, joined.Name);
            Hint(joined, node.Name);
        }

        void Hint(SimulatedNode receiver, string name)
        {
            if (_random.Chance(Options.JoinHints))
            {
                var late = _random.Chance(0.3) ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(20);
                Time.After(
                    _random.Between(TimeSpan.Zero, late),
                    () => receiver.HintJoined(name));
            }
        }
    }

    private void Arrive(SimulatedNode from, string to, LaneFrame frame)
    {
        for (var i = 0; i < _living.Count; i++)
        {
            var node = _living[i];
            if (node.Name == to && node != from)
            {
                node.Deliver(frame);
            }
        }
    }

    /// <summary>Returns the targets of a broadcast: all other names ever started, and its own if used twice.</summary>
    private List<string> Names(SimulatedNode from)
    {
        var names = new List<string>(_all.Count);
        foreach (var node in _all)
        {
            if (node != from && (node.Name != from.Name || node.IsAlive) && !names.Contains(node.Name))
            {
                names.Add(node.Name);
            }
        }

        return names;
    }

    private void Sample()
    {
        foreach (var invariant in _invariants)
        {
            invariant.Sampled();
        }

        Time.After(Options.Tracker.BroadcastPeriod, Sample);
    }
}
