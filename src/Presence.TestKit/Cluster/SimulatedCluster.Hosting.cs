using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

public sealed partial class SimulatedCluster
{
    private const int MostViolations = 3;
    private static readonly TimeSpan FarewellRetry = TimeSpan.FromMilliseconds(50);

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

    /// <summary>Whether repairs take several frames even when they tell of little.</summary>
    internal bool HasSmallFrames => Options.Frames != FrameBounds.Production;

    internal void CountInboxDrop() => InboxDrops++;

    /// <summary>Nobody lives as this replica any more.</summary>
    internal void EndOf(ReplicaId replica) => _endings[replica] = Now;

    /// <summary>
    /// Whether two members started as this replica, because a wall clock stepped back: until the later one finds out, a dot
    /// of it may mean two things.
    /// </summary>
    internal bool IsShared(ReplicaId replica) => _shared.Contains(replica);

    /// <summary>The pool size of whoever lives as this replica; null if nobody does.</summary>
    internal int? PoolOf(ReplicaId replica) => _living.Find(member => member.Self == replica)?.PoolSize;

    /// <summary>Since when nobody has lived as this replica; null while somebody does.</summary>
    internal TimeSpan? GoneSince(ReplicaId replica) =>
        _living.Exists(member => member.Self == replica) ? null : _endings.GetValueOrDefault(replica);

    internal void Violate(string invariant, SimulatedMember member, string message)
    {
        if (_violations.Count < MostViolations)
        {
            _violations.Add(new Violation(Now, invariant, member.Name, message));
            Trace?.Invoke($"VIOLATION {_violations[^1]}");
        }
    }

    /// <summary>An answer must be that of the model.</summary>
    internal void Expect<T>(SimulatedMember member, T model, T answer, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(model, answer))
        {
            Violate("CallsAnswerAsTheModel", member, $"{what}: the model says {model}, the shard {answer}");
        }
    }

    internal void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            _transitions[(int)e.Kind]++;
            Trace?.Invoke($"{member.Name} {e.Kind} {e.Replica} {e.Detail}");
        }

        if (Trace is not null)
        {
            foreach (var change in effects.Changes)
            {
                Trace($"{member.Name} {change.Kind} {change.Entry} {(change.Kind == PresenceChangeKind.Left ? change.Reason : "")}");
            }
        }

        foreach (var invariant in _invariants)
        {
            invariant.Stepped(member, cause, effects);
        }
    }

    internal void Renumbered(SimulatedMember member)
    {
        Connectivity.Forget(member);
        Connectivity.Refresh(_living);
        foreach (var invariant in _invariants)
        {
            invariant.Started(member);
        }
    }

    internal void TopologyChanged(SimulatedMember? member, string how)
    {
        if (member is not null)
        {
            Trace?.Invoke($"{member.Name} {how}");
            _living.Clear();
            _living.AddRange(_all.Where(one => one.Lives));
            foreach (var one in _living)
            {
                one.HasTwin = _living.Exists(other => other != one && other.Name == one.Name);
            }
        }

        Connectivity.Refresh(_living);
    }

    internal void Send(SimulatedMember from, string? to, ReadOnlyMemory<byte> bytes)
    {
        var sentAt = Now;
        if (to is not null)
        {
            Network.Send(from.Name, to, () => Arrive(from, to, bytes, sentAt));
            return;
        }

        foreach (var name in Names(from))
        {
            Network.Send(from.Name, name, () => Arrive(from, name, bytes, sentAt));
        }
    }

    /// <summary>A call: not lost while the link is open, and it fails when the answer is not there in time.</summary>
    internal void Probe(SimulatedMember from, ReplicaId target, ReadOnlyMemory<byte> bytes)
    {
        Trace?.Invoke($"{from.Name} probes {target}");
        var ended = false;
        var sentAt = Now;
        Time.After(Options.ProbeTimeout, () => End(false));
        Time.After(Network.Delay(from.Name, target.Node), () =>
        {
            if (!Network.IsOpen(from.Name, target.Node))
            {
                return;
            }

            foreach (var member in _living.Where(one => one != from && one.Name == target.Node).ToList())
            {
                member.DeliverProbe(bytes, sentAt, meant =>
                {
                    // Of twins the other one may be meant.
                    if ((meant || !member.HasTwin) && Network.IsOpen(target.Node, from.Name))
                    {
                        Time.After(Network.Delay(target.Node, from.Name), () => End(meant));
                    }
                });
            }
        });

        void End(bool answered)
        {
            if (!ended)
            {
                ended = true;
                from.ProbeEnded(target, answered);
            }
        }
    }

    /// <summary>Delivers farewells by calls that are tried again until they are acknowledged or time is up.</summary>
    internal void SayFarewell(SimulatedMember leaver, IReadOnlyList<(string? To, ReadOnlyMemory<byte> Bytes)> farewells)
    {
        var deadline = Now + Options.FarewellTimeout;
        var open = 0;
        foreach (var (to, bytes) in farewells)
        {
            foreach (var name in to is null ? Names(leaver) : [to])
            {
                open++;
                Attempt(name, bytes);
            }
        }

        Time.At(deadline, End);

        void Attempt(string to, ReadOnlyMemory<byte> bytes)
        {
            if (leaver.State != MemberState.Leaving)
            {
                return;
            }

            var reachable = Network.IsOpen(leaver.Name, to) && Network.IsOpen(to, leaver.Name)
                && _living.Exists(one => one.Name == to && one.State == MemberState.Running);
            if (!reachable)
            {
                Time.After(FarewellRetry, () => Attempt(to, bytes));
                return;
            }

            Time.After(Network.Delay(leaver.Name, to), () =>
            {
                Arrive(leaver, to, bytes, Now);
                foreach (var member in _living.Where(one => one.Name == to && one.State == MemberState.Running).ToList())
                {
                    Ended(member, leaver.Self);
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
            if (leaver.State == MemberState.Leaving)
            {
                leaver.Stop("left");
            }
        }
    }

    internal void HintGone(SimulatedMember gone)
    {
        var incarnation = gone.Incarnation;
        foreach (var member in _living.ToList())
        {
            if (!_random.Chance(Options.GoneHints))
            {
                continue;
            }

            Time.After(
                _random.Between(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2)),
                () => member.HintGone(new ReplicaId(gone.Name, incarnation)));
        }
    }

    /// <summary>A hint must be true: a later start whose clock stepped back would be meant by it too.</summary>
    internal bool IsGone(ReplicaId replica) =>
        !_living.Exists(one => one.Name == replica.Node && one.Self.Incarnation <= replica.Incarnation);

    /// <summary>A member was told that a replica is gone for good.</summary>
    internal void Ended(SimulatedMember member, ReplicaId replica)
    {
        foreach (var invariant in _invariants)
        {
            invariant.Ended(member, replica);
        }
    }

    private void HintJoined(SimulatedMember joined)
    {
        foreach (var member in _living.ToList())
        {
            if (member.Name == joined.Name)
            {
                continue;
            }

            Tell(member, joined.Name);
            Tell(joined, member.Name);
        }

        void Tell(SimulatedMember whom, string of)
        {
            if (_random.Chance(Options.JoinHints))
            {
                var late = _random.Chance(0.3) ? TimeSpan.FromSeconds(1) : TimeSpan.FromMilliseconds(20);
                Time.After(
                    _random.Between(TimeSpan.Zero, late),
                    () => whom.HintJoined(of));
            }
        }
    }

    private void Arrive(SimulatedMember from, string to, ReadOnlyMemory<byte> bytes, TimeSpan sentAt)
    {
        for (var i = 0; i < _living.Count; i++)
        {
            var member = _living[i];
            if (member.Name == to && member != from)
            {
                member.Deliver(bytes, sentAt);
            }
        }
    }

    /// <summary>Names that a broadcast goes to: every other that was ever started, and a twin.</summary>
    private List<string> Names(SimulatedMember from)
    {
        var names = new List<string>(_all.Count);
        foreach (var member in _all)
        {
            if (member != from && (member.Name != from.Name || member.Lives) && !names.Contains(member.Name))
            {
                names.Add(member.Name);
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
