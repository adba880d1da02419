using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Finds out what is missing, asks for it, answers those who ask, and shows what a frame taught.</summary>
internal sealed class Repairs(
    AddWinsMap<PresenceEntry> map,
    PeerTable table,
    RepairDesk desk,
    Showing showing,
    Heartbeats heartbeats,
    OwnReplica own,
    TrackerOptions options,
    Func<Sender> from,
    FrameBounds bounds)
{
    private readonly MergeResult<PresenceEntry> _merged = new();
    private int _untilSample = options.ClockSamplePeriods;
    private ulong _answers;
    private ulong _requests;

    /// <summary>Every sampling period: asks for what is missing, of as few members as can answer.</summary>
    public void Sample(TimeSpan now, ShardEffects effects)
    {
        if (--_untilSample > 0)
        {
            return;
        }

        _untilSample = options.ClockSamplePeriods;
        foreach (var (target, contexts) in desk.Requests(now))
        {
            Request(target, contexts, effects);
        }
    }

    /// <summary>Answers with what the requester lacks; "nothing" is an answer too, because it tells the counter.</summary>
    public void Answer(Peer peer, RequestFrame request, ShardEffects effects)
    {
        // All own numbers up to now, announced or not: the answer holds them.
        var sender = from() with { Counter = own.Counter };
        foreach (var (replica, seen) in request.Seen)
        {
            if (!map.TryGet(replica, out var dots))
            {
                continue;
            }

            var parts = new RepairAnswer(replica, dots, seen, bounds).Frames(sender, ++_answers);
            foreach (var part in parts.DefaultIfEmpty(new RepairFrame(sender, replica, new(), null, More: false)))
            {
                effects.Frames.Add(new OutgoingFrame(peer.Replica.Node, part with { Request = request.Number }));
            }
        }

        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.RepairSent, peer.Replica));
    }

    /// <summary>Takes a part of an answer; asks on where the answer was cut.</summary>
    public void TakePart(Peer answerer, RepairFrame part, ShardEffects effects)
    {
        if (!table.TryGet(part.Replica, out var peer))
        {
            return;
        }

        if (answerer == peer)
        {
            peer.Answered(part.Request, part.From.Counter);
        }

        if (part.Sequence is { } sequence)
        {
            var (by, answer, next) = peer.Taking;
            var isNext = sequence.Index == 0
                || (by == answerer.Replica && answer == sequence.Answer && next == sequence.Index);
            if (!isNext)
            {
                MergeWithoutContext(peer, part.Part, effects);
                return;
            }

            peer.Taking = (answerer.Replica, sequence.Answer, sequence.Index + 1);
        }

        var known = (peer.Dots.Context.Prefix, peer.Dots.Context.IntervalCount, peer.Dots.Count);
        Merge(peer, part.Part, effects);
        HealIfComplete(peer, effects);
        var learnt = known != (peer.Dots.Context.Prefix, peer.Dots.Context.IntervalCount, peer.Dots.Count);
        // What taught nothing would be answered alike: then the next comparison of clocks is soon enough.
        if (part.More && learnt && RepairDesk.Lacks(peer))
        {
            Request(answerer.Replica, [desk.ContextOf(peer)], effects);
        }
    }

    /// <summary>Learns what a frame tells of a peer, and shows it.</summary>
    public void Merge(Peer peer, ReplicaDots<PresenceEntry> delta, ShardEffects effects)
    {
        _merged.Clear();
        peer.Dots.Merge(delta, _merged);
        Apply(peer, effects);
    }

    /// <summary>Takes the deaths a part tells of known entries, without believing that nothing was before it.</summary>
    private void MergeWithoutContext(Peer peer, ReplicaDots<PresenceEntry> part, ShardEffects effects)
    {
        _merged.Clear();
        peer.Dots.KillKnown(part.Dead(), _merged);
        Apply(peer, effects);
    }

    private void Apply(Peer peer, ShardEffects effects)
    {
        if (peer.IsShown)
        {
            showing.Apply(peer, _merged, effects.Changes);
        }
        else
        {
            Showing.Note(peer, _merged);
        }

        if (peer.BehindSince is not null && !RepairDesk.Lacks(peer))
        {
            peer.BehindSince = null;
        }
    }

    /// <summary>Lists a healing peer's entries again once all it had when it came back is known.</summary>
    public void HealIfComplete(Peer peer, ShardEffects effects)
    {
        if (peer.State == PeerState.Healing && peer.HealTarget is { } target && peer.Dots.Context.Prefix >= target)
        {
            peer.State = PeerState.Up;
            showing.ShowAll(peer, effects.Changes);
            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Healed, peer.Replica));
        }
    }

    /// <summary>Answers the first sign of a peer at once, and asks for what it has.</summary>
    public void Greet(TimeSpan now, Peer peer, ShardEffects effects)
    {
        heartbeats.Send(peer.Replica.Node, effects);
        if (RepairDesk.Lacks(peer) || peer.State == PeerState.Healing)
        {
            peer.BehindSince ??= now;
            Request(peer.Replica, [desk.ContextOf(peer)], effects);
        }
    }

    /// <summary>Asks a peer at once when its heartbeat is the first to show that something of it is missing.</summary>
    public void RequestIfNews(TimeSpan now, Peer peer, ShardEffects effects)
    {
        if (peer.BehindSince is null && RepairDesk.Lacks(peer))
        {
            peer.BehindSince = now;
            Request(peer.Replica, [desk.ContextOf(peer)], effects);
        }
    }

    private void Request(ReplicaId target, IReadOnlyList<ReplicaContext> contexts, ShardEffects effects)
    {
        _requests++;
        if (table.TryGet(target, out var asked) && contexts.Any(c => c.Replica == target))
        {
            asked.Asked(_requests);
        }

        effects.Frames.Add(new OutgoingFrame(target.Node, new RequestFrame(from(), _requests, contexts)));
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.RepairRequested, target));
    }
}
