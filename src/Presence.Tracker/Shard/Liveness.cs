namespace Presence.Tracker;

/// <summary>Judges by their silence who is down and who is forgotten.</summary>
internal sealed class Liveness(
    PeerTable table,
    Graves graves,
    Showing showing,
    TrackerOptions options,
    Func<Sender> from,
    Action<Peer, LeaveReason, ShardEffects> forget)
{
    private TimeSpan _lastTick;

    public void Start(TimeSpan now) => _lastTick = now;

    /// <summary>A host that was not run for a while heard nobody: that is not their silence.</summary>
    public void ForgiveOwnPause(TimeSpan now)
    {
        var pause = now - _lastTick - (options.BroadcastPeriod * 2);
        _lastTick = now;
        if (pause > TimeSpan.Zero)
        {
            foreach (var peer in table.All)
            {
                peer.LastHeard = TimeSpan.FromTicks(Math.Min(now.Ticks, (peer.LastHeard + pause).Ticks));
            }
        }
    }

    /// <summary>Probes the silent, hides those that are silent for too long, forgets those that stay so.</summary>
    public void DetectDowns(TimeSpan now, ShardEffects effects)
    {
        var down = options.EffectiveDownPeriod;
        foreach (var peer in table.All.OrderBy(p => p.Replica).ToArray())
        {
            var silence = now - peer.LastHeard;
            if (silence > options.PermDownPeriod)
            {
                forget(peer, LeaveReason.NodeDown, effects);
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.PermDown, peer.Replica));
                continue;
            }

            if (silence > down && peer.State != PeerState.Down)
            {
                if (peer.IsShown)
                {
                    showing.HideAll(peer, LeaveReason.NodeDown, effects.Changes);
                }

                peer.State = PeerState.Down;
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Down, peer.Replica));
            }

            if (silence > down / 3 && (peer.ProbedAt is not { } probed || now - probed >= down / 6))
            {
                peer.ProbedAt = now;
                effects.Probes.Add(new ProbeFrame(from(), peer.Replica));
            }
        }

        graves.Clear(now);
    }
}
