using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Marks silent replicas down after <c>DownPeriod</c> and removes them after <c>PermDownPeriod</c>.</summary>
internal sealed class FailureDetector(
    PeerTable table,
    Tombstones tombstones,
    VisibilityProjection visibility,
    TrackerOptions options,
    Func<Sender> from,
    Action<Peer, LeaveReason, ShardEffects> forget)
{
    /// <summary>Unanswered probes in a row, one per broadcast period, after which a node is down.</summary>
    private const int MaxUnanswered = 4;

    private TimeSpan _lastTick;
    private TimeSpan _recoveredAt;

    public void Start(TimeSpan now) => _lastTick = now;

    /// <summary>
    /// Returns false for one <c>BroadcastPeriod</c> after this process was suspended. Repair requests are deferred for
    /// that time, so that presences that ended during the suspension are not announced again.
    /// </summary>
    public bool HasRecoveredFromPause(TimeSpan now)
    {
        RecordPause(now);
        return now >= _recoveredAt;
    }

    /// <summary>Does not count a suspension of this process as silence of the peers.</summary>
    /// <returns>The duration of the suspension; zero or less if there was none.</returns>
    public TimeSpan CompensateForPause(TimeSpan now)
    {
        var pause = RecordPause(now);
        _lastTick = now;
        if (pause > TimeSpan.Zero)
        {
            foreach (var peer in table.All)
            {
                peer.OnContact(TimeSpan.FromTicks(Math.Min(now.Ticks, (peer.LastContact + pause).Ticks)));
            }
        }

        return pause;
    }

    /// <summary>Probes silent peers, marks them down and finally removes them.</summary>
    public void DetectDowns(TimeSpan now, ShardEffects effects)
    {
        var down = options.EffectiveDownPeriod;
        foreach (var peer in table.All.OrderBy(p => p.Replica).ToArray())
        {
            var silence = now - peer.LastContact;
            if (peer.IsReader)
            {
                // Its own presences are in other lanes, where it is probed.
                if (silence > down)
                {
                    forget(peer, LeaveReason.NodeDown, effects);
                }

                continue;
            }

            if (silence > options.PermDownPeriod)
            {
                forget(peer, LeaveReason.NodeDown, effects);
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.PermDown, peer.Replica));
                continue;
            }

            if (IsDown(peer, now))
            {
                MarkDown(peer, effects);
            }

            // A down node is probed rarely; a silent one at every tick.
            var interval = peer.State == PeerState.Down ? down / 6 : TimeSpan.Zero;
            if (silence > options.ProbeDelay && !(peer.ProbedAt is { } probed && now - probed < interval))
            {
                peer.OnProbeSent(now);
                effects.Probes.Add(new ProbeFrame(from(), peer.Replica));
            }
        }

        tombstones.Clear(now);
    }

    /// <summary>Records a probe that failed or timed out.</summary>
    public void OnProbeFailed(TimeSpan now, Peer peer, ShardEffects effects)
    {
        peer.OnProbeEnded(answered: false);
        if (IsDown(peer, now))
        {
            MarkDown(peer, effects);
        }
    }

    private TimeSpan RecordPause(TimeSpan now)
    {
        var pause = now - _lastTick - (options.BroadcastPeriod * 2);
        if (pause > TimeSpan.Zero)
        {
            _recoveredAt = now + options.BroadcastPeriod;
        }

        return pause;
    }

    /// <summary>
    /// Down: silent for <c>DownPeriod</c> although a probe had its time, or for a fifth of it with unanswered probes.
    /// </summary>
    private bool IsDown(Peer peer, TimeSpan now)
    {
        var silence = now - peer.LastContact;
        var down = options.EffectiveDownPeriod;
        return peer.State != PeerState.Down
            && ((silence > down && peer.HasProbeEnded)
                || (peer.Unanswered >= MaxUnanswered && silence > down / 5));
    }

    private void MarkDown(Peer peer, ShardEffects effects)
    {
        visibility.OnLost(peer);
        if (peer.IsShown)
        {
            visibility.RetractAll(peer, LeaveReason.NodeDown, effects.Changes);
        }

        peer.State = PeerState.Down;
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Down, peer.Replica));
    }
}
