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
    /// <summary>Probes in a row without an answer, a broadcast period apart, after which a member is held as down.</summary>
    private const int MostUnanswered = 4;

    private TimeSpan _lastTick;
    private TimeSpan _composedAt;

    public void Start(TimeSpan now) => _lastTick = now;

    /// <summary>
    /// False for a broadcast period after a pause of this very host: who ended meanwhile, such as the owner of a socket that was
    /// closed, has ended here by then, and is not shown once more by those who had held this member as down.
    /// </summary>
    public bool IsComposed(TimeSpan now)
    {
        NoteOwnPause(now);
        return now >= _composedAt;
    }

    /// <summary>A host that was not run for a while heard nobody: that is not their silence.</summary>
    public void ForgiveOwnPause(TimeSpan now)
    {
        var pause = NoteOwnPause(now);
        _lastTick = now;
        if (pause > TimeSpan.Zero)
        {
            foreach (var peer in table.All)
            {
                peer.Heard(TimeSpan.FromTicks(Math.Min(now.Ticks, (peer.LastHeard + pause).Ticks)));
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

            if (IsDown(peer, now))
            {
                GoDown(peer, effects);
            }

            // A member that is held as down is looked for at leisure, one that may be down at every step.
            var apart = peer.State == PeerState.Down ? down / 6 : TimeSpan.Zero;
            if (silence > options.BroadcastPeriod * 1.5 && (peer.ProbedAt is not { } probed || now - probed >= apart))
            {
                peer.Probed(now);
                effects.Probes.Add(new ProbeFrame(from(), peer.Replica));
            }
        }

        graves.Clear(now);
    }

    /// <summary>A probe ended without an answer.</summary>
    public void Unanswered(TimeSpan now, Peer peer, ShardEffects effects)
    {
        peer.ProbeEnded(answered: false);
        if (IsDown(peer, now))
        {
            GoDown(peer, effects);
        }
    }

    private TimeSpan NoteOwnPause(TimeSpan now)
    {
        var pause = now - _lastTick - (options.BroadcastPeriod * 2);
        if (pause > TimeSpan.Zero)
        {
            _composedAt = now + options.BroadcastPeriod;
        }

        return pause;
    }

    /// <summary>Silent for too long, or silent and deaf: long silence alone may be the link's.</summary>
    private bool IsDown(Peer peer, TimeSpan now)
    {
        var silence = now - peer.LastHeard;
        var down = options.EffectiveDownPeriod;
        return peer.State != PeerState.Down
            && (silence > down || (peer.Unanswered >= MostUnanswered && silence > down / 5));
    }

    private void GoDown(Peer peer, ShardEffects effects)
    {
        if (peer.IsShown)
        {
            showing.HideAll(peer, LeaveReason.NodeDown, effects.Changes);
        }

        peer.State = PeerState.Down;
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Down, peer.Replica));
    }
}
