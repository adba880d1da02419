using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Resolves conflicts with another process, or an earlier incarnation, that uses this node's name.</summary>
internal sealed class NameConflictResolver(
    LocalReplica local, NameConflictDetector detector, Heartbeats heartbeats, TrackerOptions options)
{
    /// <summary>Broadcast periods that another process of this name has to answer a probe.</summary>
    private const double PeriodsToAnswer = 1.5;

    /// <summary>Continues above a suspected incarnation that did not answer.</summary>
    public void Tick(TimeSpan now, ShardEffects effects)
    {
        if (detector.Unanswered(options.BroadcastPeriod * PeriodsToAnswer, now) is > 0 and var unanswered)
        {
            RestartAbove(now, unanswered, effects);
        }
    }

    /// <summary>Handles a frame that carries this node's name.</summary>
    /// <returns>False if this node must stop: a newer living process has its name.</returns>
    public bool OnFrame(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        var sender = frame.From;
        switch (detector.Decide(frame, local.Id))
        {
            case NameConflictDecision.Probe:
                Suspect(now, sender.Replica.Incarnation, effects);
                return true;
            case NameConflictDecision.Answer:
                heartbeats.Answer(sender, effects);
                return true;
            case NameConflictDecision.Restart:
                RestartAbove(now, sender.Replica.Incarnation, effects);
                return true;
            case NameConflictDecision.Stop:
                effects.Events.Add(new(ReplicaEventKind.NameConflict, sender.Replica, "a newer node has this name"));
                return false;
            default:
                return true;
        }
    }

    /// <summary>Checks a peer's clocks for use of this node's name by another process.</summary>
    public void Find(TimeSpan now, IReadOnlyList<Clock> clocks, ShardEffects effects)
    {
        var named = clocks.Where(
            c => c.Replica.Node == local.Id.Node && c.Replica.Incarnation <= NameConflictDetector.MaxIncarnation);
        var last = named.Select(c => c.Replica.Incarnation).DefaultIfEmpty().Max();
        if (last > local.Id.Incarnation)
        {
            Suspect(now, last, effects);
        }
        else if (clocks.Any(c => c.Replica == local.Id && c.Max > local.Counter))
        {
            RestartAbove(now, last, effects);
        }
    }

    /// <summary>Continues under an incarnation above both the given and the local one.</summary>
    public void RestartAbove(TimeSpan now, ulong incarnation, ShardEffects effects)
    {
        var next = local.Id with { Incarnation = detector.Choose(Math.Max(incarnation, local.Id.Incarnation)) };
        local.RestartAs(next, effects.Changes);
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Restarted, next));
        // Others learn the new incarnation from this heartbeat and request its state; the delta is not needed.
        local.DeltaBuffer.Drain(now, local.Counter);
        heartbeats.Broadcast(effects);
    }

    private void Suspect(TimeSpan now, ulong incarnation, ShardEffects effects)
    {
        if (detector.Suspect(incarnation, now))
        {
            heartbeats.Send(local.Id.Node, effects);
        }
    }
}
