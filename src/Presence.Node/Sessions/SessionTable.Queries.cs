using Presence.Crdt;
using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

/// <content>Queries other nodes for a session.</content>
internal sealed partial class SessionTable
{
    private const int MaxHops = 5;

    /// <summary>Maximum time to ask other nodes for a session.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>How much later than due a request may end. Beyond it, this process was suspended.</summary>
    private static readonly TimeSpan MaxRequestLateness = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a node that did not answer is not queried again.</summary>
    private static readonly TimeSpan UnreachableDuration = TimeSpan.FromSeconds(1);

    private readonly Dictionary<ulong, TaskCompletionSource<SessionFrame?>> _requests = [];
    private readonly RecentTable<ReplicaId, bool> _unreachable = new(1024);
    private ulong _lastRequest;
    private TimeSpan _suspendedAt = TimeSpan.MinValue;

    /// <summary>Queries the owner in the token and that of the greatest known entry; goes where they send it.</summary>
    /// <returns>
    /// The answer, null if nobody could be queried or nobody knows it; the replica that gave it; and the greatest
    /// number of resumes that a queried node has reserved for another one, whose entries may not have arrived here.
    /// </returns>
    private async Task<(SessionResponse? Answer, ReplicaId By, uint Reserved)> FindAsync(
        ResumeToken token, KnownSession known)
    {
        var until = cluster.Now + RequestTimeout;
        var resumes = Planted == SessionDefect.IgnoresTokenGeneration
            ? known.Greatest.Resumes : Math.Max(token.Generation.Resumes, known.Greatest.Resumes);
        // Later knowledge first; half of the time for each, because the first may be dead.
        ReplicaId[] starts = known.Owner is not { } owner || owner == token.Owner ? [token.Owner]
            : known.Greatest > token.Generation ? [owner, token.Owner]
            : [token.Owner, owner];
        foreach (var start in starts)
        {
            var queried = start;
            for (var hop = 0; hop < MaxHops; hop++)
            {
                var request = new SessionRequest(
                    0, token.Session, token.Generation, token.Attachment, resumes, queried, Self);
                var answer = string.Equals(queried.Node, Self.Node, StringComparison.Ordinal)
                    ? await AnswerAsync(request).ConfigureAwait(false)
                    : await RequestSessionAsync(request, until).ConfigureAwait(false);
                if (answer is { Kind: ResponseKind.Moved })
                {
                    queried = answer.MovedTo;
                    resumes = Math.Max(resumes, answer.Known);
                    continue;
                }

                if (answer is { Kind: ResponseKind.Released or ResponseKind.TokenReplaced }
                    || (answer is { Kind: ResponseKind.Over } && queried == (known.Owner ?? token.Owner)))
                {
                    return (answer, queried, resumes);
                }

                break;
            }
        }

        return (null, default, resumes);
    }

    /// <summary>Notifies the owner that this node does not take what was released to it.</summary>
    private void GiveBack(SessionId session, ReplicaId owner)
    {
        if (owner.Node != Self.Node && Planted != SessionDefect.GivesNothingBack)
        {
            _ = GuardAsync(cluster.SendAsync(owner.Node, new ReturnFrame(session, Self)));
        }
    }

    /// <summary>Continues a session that was released and not taken.</summary>
    private void OnReturned(ReturnFrame frame)
    {
        lock (_gate)
        {
            if (_own.TryGetValue(frame.Session, out var state) && state.ReleasedTo == frame.Requester)
            {
                state.ReleasedTo = null;
                state.IsAttached = state.HasCode;
                state.Until = state.HasCode ? null : state.Until;
            }
        }
    }

    /// <summary>Returns what the other nodes have received of a session.</summary>
    private async Task<KnownSession> AskOthersAsync(SessionId session)
    {
        var known = new KnownSession([], default, null);
        foreach (var report in await Task.WhenAll(cluster.Heirs().Select(QueryAsync)).ConfigureAwait(false))
        {
            known = report is SessionReport r ? known.With(new(r.Presences, r.Greatest, r.Owner)) : known;
        }

        return known;

        async Task<SessionFrame?> QueryAsync(string node)
        {
            // Of an unknown incarnation.
            var replica = new ReplicaId(node, 0);
            lock (_gate)
            {
                if (_unreachable.TryGet(replica, cluster.Now, out _))
                {
                    return null;
                }
            }

            var began = cluster.Now;
            var timeout = RequestTimeout / 2;
            var report = await RequestAsync(node, number => new SessionQuery(number, session), timeout)
                .ConfigureAwait(false);
            if (report is null && _suspendedAt < began)
            {
                lock (_gate)
                {
                    _unreachable.Set(replica, true, cluster.Now, UnreachableDuration);
                }
            }

            return report;
        }
    }

    private async Task ReportAsync(string from, SessionQuery query)
    {
        var known = await KnowledgeOfAsync(query.Session).ConfigureAwait(false);
        await cluster.SendAsync(from, new SessionReport(query.Number, known.Greatest, known.Owner, known.Presences))
            .ConfigureAwait(false);
    }

    private async Task<SessionResponse?> RequestSessionAsync(SessionRequest request, TimeSpan until)
    {
        lock (_gate)
        {
            if (cluster.Now >= until || _unreachable.TryGet(request.Target, cluster.Now, out _))
            {
                return null;
            }
        }

        var began = cluster.Now;
        var timeout = TimeSpan.FromTicks(Math.Min((until - began).Ticks, RequestTimeout.Ticks / 2));
        var answer = await RequestAsync(
            request.Target.Node, number => request with { Number = number }, timeout).ConfigureAwait(false);
        if (answer is null && _suspendedAt < began)
        {
            lock (_gate)
            {
                _unreachable.Set(request.Target, true, cluster.Now, UnreachableDuration);
            }
        }

        return answer as SessionResponse;
    }

    /// <summary>Sends a request and waits for the answer.</summary>
    /// <returns>Null if the node is not reached or does not answer in time.</returns>
    private async Task<SessionFrame?> RequestAsync(string node, Func<ulong, SessionFrame> frame, TimeSpan timeout)
    {
        var answer = new TaskCompletionSource<SessionFrame?>(cluster.Completion);
        ulong number;
        lock (_gate)
        {
            number = ++_lastRequest;
            _requests.Add(number, answer);
        }

        var until = cluster.Now + timeout;
        using var timer = cluster.After(timeout, () => answer.TrySetResult(null));
        _ = SendAsync();
        try
        {
            var result = await answer.Task.ConfigureAwait(false);
            if (cluster.Now - until > MaxRequestLateness)
            {
                _suspendedAt = cluster.Now;
            }

            return result;
        }
        finally
        {
            lock (_gate)
            {
                _requests.Remove(number);
            }
        }

        async Task SendAsync()
        {
            if (!await cluster.SendAsync(node, frame(number)).ConfigureAwait(false))
            {
                answer.TrySetResult(null);
            }
        }
    }
}
