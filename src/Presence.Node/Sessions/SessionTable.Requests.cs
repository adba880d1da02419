using Presence.Crdt;
using Presence.Tracker.Entries;
using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

internal sealed partial class SessionTable
{
    private const int HandOverBatch = 64;

    /// <summary>Minimum time in which an heir can answer.</summary>
    private static readonly TimeSpan MinHandOverRound = TimeSpan.FromMilliseconds(100);

    /// <summary>Handles a frame of another node. Completes when it was accepted, not when it is answered.</summary>
    public bool OnFrame(string from, SessionFrame frame)
    {
        switch (frame)
        {
            case SessionRequest request:
                _ = GuardAsync(AnswerAsync(from, request));
                break;
            case SessionQuery query:
                _ = GuardAsync(ReportAsync(from, query));
                break;
            case StaleSession stale:
                OnStale(stale);
                break;
            case ReturnFrame returned:
                OnReturned(returned);
                break;
            case ForwardFrame forwarded:
                _ = GuardAsync(ForwardedAsync(from, forwarded));
                break;
            case HandOverFrame handOver:
                _ = GuardAsync(AcceptAsync(from, handOver));
                break;
            default:
                lock (_gate)
                {
                    _requests.GetValueOrDefault(frame.Number)?.TrySetResult(frame);
                }

                break;
        }

        return true;
    }

    /// <summary>Hands all sessions over to other nodes, because this one stops.</summary>
    /// <returns>The number of sessions that others have acknowledged, and of all.</returns>
    public async Task<(int HandedOver, int All)> HandOverAsync(TimeSpan timeout)
    {
        SessionState[] states;
        var until = cluster.Now + timeout;
        lock (_gate)
        {
            _isStopping = true;
            states = IsAvailable ? [.. _own.Values.Where(s => s.ReleasedTo is null)] : [];
            foreach (var state in states.Where(s => s.IsAttached))
            {
                BeginGrace(state, state.Stamp.Grace);
            }
        }

        var heirs = cluster.Heirs();
        var rest = states;
        // An heir may be stopping too, or not answer: then the next one in the order of each session.
        for (var round = 0; round < heirs.Count && rest.Length > 0 && cluster.Now < until; round++)
        {
            var at = round;
            var roundUntil = EndOfRound(until, isLast: round == heirs.Count - 1);
            var batches = rest
                .Where(IsToBeHandedOver)
                .GroupBy(state => HeirOf(state.Session, heirs, at))
                .SelectMany(group => group.Chunk(HandOverBatch).Select(batch => (Heir: group.Key, batch)));
            var results = await Task.WhenAll(batches.Select(b => HandOverAsync(b.Heir, b.batch, roundUntil)))
                .ConfigureAwait(false);
            rest = [.. results.SelectMany(r => r)];
        }

        return (states.Length - rest.Length, states.Length);
    }

    /// <summary>Returns half of the time that is left: an heir that does not answer leaves some for others.</summary>
    private TimeSpan EndOfRound(TimeSpan until, bool isLast)
    {
        var half = (until - cluster.Now) / 2;
        return isLast || half < MinHandOverRound ? until : until - half;
    }

    /// <summary>Hands a batch over.</summary>
    /// <returns>The sessions that were not acknowledged.</returns>
    private async Task<IReadOnlyList<SessionState>> HandOverAsync(string heir, SessionState[] states, TimeSpan until)
    {
        var sessions = new List<HandedSession>(states.Length);
        foreach (var state in states)
        {
            var stamp = state.Stamp;
            var left = (state.Until ?? cluster.Now) - cluster.Now;
            var next = Planted == SessionDefect.HandOverCountsAsResume
                ? new(stamp.Generation.Resumes + 1, 0) : stamp.Generation.HandedOver();
            sessions.Add(new(
                stamp with { Generation = next }, left, await PresencesOfAsync(state).ConfigureAwait(false)));
            lock (_gate)
            {
                state.OfferedTo = ([.. state.OfferedTo?.Heirs ?? [], heir], sessions[^1].Stamp);
            }
        }

        var answer = await RequestAsync(heir, number => new HandOverFrame(number, sessions), until - cluster.Now)
            .ConfigureAwait(false);
        var answered = Planted != SessionDefect.TrustsHandOver ? answer as HandedOverFrame
            : new HandedOverFrame(0, new ReplicaId(heir, 0), [.. states.Select(_ => true)]);
        if (answered is null)
        {
            return [.. states.Where(state => state.HandedTo is null)];
        }

        var rest = new List<SessionState>();
        lock (_gate)
        {
            for (var i = 0; i < states.Length; i++)
            {
                if (!IsToBeHandedOver(states[i]))
                {
                    // Resumed elsewhere or ended meanwhile, which the heir learns; or known to be handed over.
                    continue;
                }

                if (i < answered.Accepted.Count && answered.Accepted[i])
                {
                    HandedOver(states[i], answered.Heir);
                }
                else
                {
                    rest.Add(states[i]);
                }
            }
        }

        return rest;
    }

    private static bool IsOffer(SessionState state, ReplicaId owner, Generation generation) =>
        state.OfferedTo is var (heirs, stamp) && stamp.Generation == generation
        && heirs.Contains(owner.Node, StringComparer.Ordinal);

    /// <summary>Leaves the session to its heir, and its entries here until the leave of this node.</summary>
    private void HandedOver(SessionState state, ReplicaId heir)
    {
        state.HandedTo = (heir, state.OfferedTo!.Value.Stamp);
        state.IsMoved = true;
        Remember(state, heir);
        Remove(state);
    }

    /// <summary>Returns whether this node still has it: it may be released while an heir is waited for.</summary>
    private static bool IsToBeHandedOver(SessionState state) =>
        state is { ReleasedTo: null, IsMoved: false } && !state.Root.IsEnded;

    private static string HeirOf(SessionId session, IReadOnlyList<string> heirs, int place) => heirs
        .OrderByDescending(heir => StableHash.Of(new ReplicaId(heir, session.Low)))
        .ThenBy(heir => heir, StringComparer.Ordinal)
        .ElementAt(place);

    private async Task AcceptAsync(string from, HandOverFrame handOver)
    {
        var accepted = new bool[handOver.Sessions.Count];
        for (var i = 0; i < accepted.Length; i++)
        {
            var (stamp, left, presences) = handOver.Sessions[i];
            SessionState? state = null;
            SessionState? former = null;
            var known = await KnowledgeOfAsync(stamp.Session).ConfigureAwait(false);
            lock (_gate)
            {
                if (!_isStopping && known.Greatest <= stamp.Generation
                    && !(_own.TryGetValue(stamp.Session, out var present) && present.Generation >= stamp.Generation))
                {
                    state = new SessionState(this, cluster.NewProcess(), stamp, null);
                    former = Own(state);
                    BeginGrace(state, left);
                }
            }

            if (state is not null)
            {
                await AdoptAsync(state, former, presences).ConfigureAwait(false);
                accepted[i] = true;
            }
        }

        await cluster.SendAsync(from, new HandedOverFrame(handOver.Number, Self, accepted)).ConfigureAwait(false);
    }

    private async Task GuardAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            cluster.Failed(e);
        }
    }

    private async Task AnswerAsync(string from, SessionRequest request)
    {
        var answer = await AnswerAsync(request).ConfigureAwait(false);
        await cluster.SendAsync(from, answer).ConfigureAwait(false);
    }

    /// <summary>Answers a request of another node, or of this one for itself.</summary>
    private async Task<SessionResponse> AnswerAsync(SessionRequest request)
    {
        SessionState? state;
        uint known;
        lock (_gate)
        {
            var reserved = _reserved.TryGet(request.Session, cluster.Now, out var number) ? number : 0;
            known = Math.Max(request.Known, reserved);
            if (_moved.TryGet(request.Session, cluster.Now, out var to))
            {
                return new(request.Number, ResponseKind.Moved, known, to);
            }

            if (!_own.TryGetValue(request.Session, out state))
            {
                var isAsked = request.Target.Node == Self.Node && request.Target.Incarnation >= Self.Incarnation;
                return new(request.Number, isAsked ? ResponseKind.Over : ResponseKind.Unknown);
            }

            if (state.ReleasedTo is { } released && released.Node != request.Requester.Node
                && Planted != SessionDefect.ReleasesTwice)
            {
                return new(request.Number, ResponseKind.Moved, known, released);
            }

            if (IsReplaced(request.Token, request.Attachment, state))
            {
                return new(request.Number, ResponseKind.TokenReplaced);
            }

            known = Math.Max(known, state.Generation.Resumes);
            if (request.Requester != Self)
            {
                Release(state, request.Requester, known + 1);
            }
        }

        var presences = await PresencesOfAsync(state).ConfigureAwait(false);
        return new(request.Number, ResponseKind.Released, known, Presences: presences);
    }

    /// <summary>Gives a session away: it can be changed only by the other node from now on.</summary>
    private void Release(SessionState state, ReplicaId to, uint resumes)
    {
        state.ReleasedTo = to;
        state.ReleasedAt = cluster.Now;
        BeginGrace(state, state.Stamp.Grace);

        if (Planted != SessionDefect.ReservesNothing)
        {
            // The other node may have written it already: this one must not write it too.
            _reserved.Set(state.Session, resumes, cluster.Now, (state.Stamp.Grace * 2) + IdleTimeout);
        }
    }

    private async Task<List<SessionPresence>> PresencesOfAsync(SessionState state)
    {
        var presences = new List<SessionPresence>();
        foreach (var shard in cluster.Shards)
        {
            var entries = await shard.RunAsync((s, _, _) => s.EntriesOf(state.Root.Id)).ConfigureAwait(false);
            presences.AddRange(entries.Select(entry => PresenceOf(shard, entry)));
        }

        return presences;
    }
}
