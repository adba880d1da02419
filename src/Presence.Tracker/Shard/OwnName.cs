namespace Presence.Tracker;

/// <summary>The shard's dealings with whoever else bears, or bore, its own member's name.</summary>
internal sealed class OwnName(OwnReplica own, Namesake namesake, Heartbeats heartbeats, TrackerOptions options)
{
    /// <summary>Broadcast periods that a namesake has to say that it lives.</summary>
    private const double PeriodsToAnswer = 1.5;

    /// <summary>Goes on above an incarnation of which nobody has said that it lives.</summary>
    public void Tick(TimeSpan now, ShardEffects effects)
    {
        if (namesake.Unanswered(options.BroadcastPeriod * PeriodsToAnswer, now) is > 0 and var unanswered)
        {
            RestartAbove(now, unanswered, effects);
        }
    }

    /// <summary>Takes a frame under the own name.</summary>
    /// <returns>False if this member must stop: a newer living namesake showed itself.</returns>
    public bool Meet(TimeSpan now, ShardFrame frame, ShardEffects effects)
    {
        var sender = frame.From;
        switch (namesake.Judge(frame, own.Id))
        {
            case NamesakeVerdict.Ask:
                Suspect(now, sender.Replica.Incarnation, effects);
                return true;
            case NamesakeVerdict.Answer:
                heartbeats.Answer(sender, effects);
                return true;
            case NamesakeVerdict.Restart:
                RestartAbove(now, sender.Replica.Incarnation, effects);
                return true;
            case NamesakeVerdict.Stop:
                effects.Events.Add(new ReplicaEvent(ReplicaEventKind.NameConflict, sender.Replica, "a newer member has this name"));
                return false;
            default:
                return true;
        }
    }

    /// <summary>Looks for this member in what another knows: used by somebody else, or taken over by a later start.</summary>
    public void Find(TimeSpan now, IReadOnlyList<Clock> clocks, ShardEffects effects)
    {
        var last = clocks.Where(c => c.Replica.Node == own.Id.Node).Select(c => c.Replica.Incarnation).DefaultIfEmpty().Max();
        if (last > own.Id.Incarnation)
        {
            Suspect(now, last, effects);
        }
        else if (clocks.Any(c => c.Replica == own.Id && c.Max > own.Counter))
        {
            RestartAbove(now, last, effects);
        }
    }

    /// <summary>Goes on under an incarnation above both this and the own.</summary>
    public void RestartAbove(TimeSpan now, ulong incarnation, ShardEffects effects)
    {
        var next = own.Id with { Incarnation = namesake.Choose(Math.Max(incarnation, own.Id.Incarnation)) };
        own.RestartAs(next, effects.Changes);
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Restarted, next));
        // What was gathered goes by repair: the others learn of the new incarnation by this heartbeat and ask.
        own.Outbox.Take(now, own.Counter);
        heartbeats.Broadcast(effects);
    }

    private void Suspect(TimeSpan now, ulong incarnation, ShardEffects effects)
    {
        if (namesake.Suspect(incarnation, now))
        {
            heartbeats.Send(own.Id.Node, effects);
        }
    }
}
