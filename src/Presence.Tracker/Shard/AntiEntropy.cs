using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Anti-entropy: detects and requests missing state, answers requests and takes the answers.</summary>
internal sealed class AntiEntropy(
    AddWinsMap<PresenceEntry> map,
    PeerTable table,
    RepairScheduler scheduler,
    VisibilityProjection visibility,
    Heartbeats heartbeats,
    LocalReplica local,
    TrackerOptions options,
    Func<Sender> from,
    FrameBounds bounds)
{
    private int _untilSample = options.ClockSamplePeriods;
    private ulong _responses;
    private uint _requests;

    /// <summary>Requests missing state from as few nodes as possible, once per sampling period.</summary>
    public void Sample(TimeSpan now, ShardEffects effects)
    {
        if (--_untilSample > 0)
        {
            return;
        }

        _untilSample = options.ClockSamplePeriods;
        foreach (var (target, contexts) in scheduler.Requests(now))
        {
            Request(target, contexts, effects);
        }
    }

    /// <summary>Answers a repair request. An empty answer is sent too, because it carries the counter.</summary>
    public void Answer(Peer peer, RequestFrame request, ShardEffects effects)
    {
        // The answer holds all local dots up to now, also those not sent in a delta yet.
        var sender = from() with { Counter = local.Counter };
        foreach (var (replica, seen) in request.Seen)
        {
            if (!map.TryGet(replica, out var dots))
            {
                continue;
            }

            var known = table.TryGet(replica, out var about) ? RepairScheduler.MaxKnown(about) : dots.Context.Max;
            var builder = new RepairResponseBuilder(replica, dots, known, seen, bounds);
            foreach (var part in builder.Frames(sender, ++_responses))
            {
                effects.Frames.Add(new OutgoingFrame(peer.Replica.Node, part with { Request = request.Number }));
            }
        }

        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.RepairSent, peer.Replica));
    }

    /// <summary>Merges a part of an answer; requests the rest once a cut answer is complete.</summary>
    public void TakePart(Peer answerer, RepairFrame part, ShardEffects effects)
    {
        if (!table.TryGet(part.Replica, out var peer))
        {
            return;
        }

        if (answerer == peer)
        {
            peer.OnResponse(part.Request, part.From.Counter);
        }

        var known = peer.Dots.Context.Prefix;
        peer.MaxKnownSequence = Math.Max(peer.MaxKnownSequence, part.Max);
        if (part.Sequence is { } sequence)
        {
            var isNext = false;
            foreach (var next in peer.OrderedParts.Accept(answerer.Replica, part.Request, sequence, part.Part))
            {
                isNext = true;
                visibility.Merge(peer, next, effects);
            }

            if (!isNext)
            {
                // Removals of known entries are safe without the earlier parts; the context is not.
                visibility.MergeWithoutContext(peer, part.Part, effects);
            }
        }
        else
        {
            visibility.Merge(peer, part.Part, effects);
        }

        RecoverIfComplete(peer, effects);
        if (part.UpTo < part.Max && known < part.UpTo && peer.Dots.Context.Prefix >= part.UpTo)
        {
            Request(answerer.Replica, [scheduler.ContextOf(peer)], effects);
        }
    }

    /// <summary>Publishes a recovering peer's entries again once its recovery target is reached.</summary>
    public void RecoverIfComplete(Peer peer, ShardEffects effects)
    {
        if (peer.State == PeerState.Recovering && peer.RecoveryTarget is { } target
            && peer.Dots.Context.Prefix >= target)
        {
            peer.State = PeerState.Up;
            visibility.PublishAll(peer, effects.Changes);
            foreach (var (_, entry) in peer.Dots.Live)
            {
                if (entry.Stamp is { } stamp)
                {
                    effects.Sessions.Add(new(stamp, peer.Replica, IsDown: false));
                }
            }

            effects.Events.Add(new ReplicaEvent(ReplicaEventKind.Recovered, peer.Replica));
        }
    }

    /// <summary>Sends a heartbeat to a new or returned peer and requests its state.</summary>
    public void SynchronizeNewcomer(TimeSpan now, Peer peer, ShardEffects effects)
    {
        heartbeats.Send(peer.Replica.Node, effects);
        if (RepairScheduler.Lacks(peer) || peer.State == PeerState.Recovering)
        {
            peer.BehindSince ??= now;
            Request(peer.Replica, [scheduler.ContextOf(peer)], effects);
        }
    }

    /// <summary>Sends a request at once when a heartbeat is the first to reveal missing state.</summary>
    public void RequestIfNews(TimeSpan now, Peer peer, ShardEffects effects)
    {
        if (peer.BehindSince is null && RepairScheduler.Lacks(peer))
        {
            peer.BehindSince = now;
            Request(peer.Replica, [scheduler.ContextOf(peer)], effects);
        }
    }

    private void Request(ReplicaId target, IReadOnlyList<ReplicaContext> contexts, ShardEffects effects)
    {
        // A response to another process of this name, here or in flight, must not be taken for one to this request.
        var sender = from();
        var number = (sender.Instance << 32) | ++_requests;
        if (table.TryGet(target, out var targetPeer) && contexts.Any(c => c.Replica == target))
        {
            targetPeer.OnRequestSent(number);
        }

        effects.Frames.Add(new OutgoingFrame(target.Node, new RequestFrame(sender, number, contexts)));
        effects.Events.Add(new ReplicaEvent(ReplicaEventKind.RepairRequested, target));
    }
}
