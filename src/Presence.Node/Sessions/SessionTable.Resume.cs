using Presence.Crdt;
using Presence.Node.CountsOnly;
using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

internal sealed partial class SessionTable
{
    private const int MaxRestarts = 5;

    /// <summary>Maximum time to wait for the entries of an unknown session.</summary>
    private static readonly TimeSpan UnknownTimeout = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(100);

    private readonly Dictionary<SessionId, Task> _resuming = [];

    /// <summary>Continues a session, or opens a new one if it cannot be continued.</summary>
    /// <exception cref="OperationCanceledException">
    /// Cancelled, or this node stops; it may have been released to this node, but is not owned by it.
    /// </exception>
    public async Task<ResumeResult> ResumeAsync(
        ResumeToken token, PresenceSessionOptions options, CancellationToken cancellation)
    {
        var done = new TaskCompletionSource(cluster.Completion);
        Task? before;
        lock (_gate)
        {
            // Two resumes of one session, such as those of duplicated tabs, one after the other.
            before = _resuming.GetValueOrDefault(token.Session);
            _resuming[token.Session] = done.Task;
        }

        try
        {
            if (before is not null)
            {
                await before.ConfigureAwait(false);
            }

            return await ResumeOneAsync(token, options, cancellation).ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                if (_resuming.GetValueOrDefault(token.Session) == done.Task)
                {
                    _resuming.Remove(token.Session);
                }
            }

            done.SetResult();
        }
    }

    private async Task<ResumeResult> ResumeOneAsync(
        ResumeToken token, PresenceSessionOptions options, CancellationToken cancellation)
    {
        await CatchUpAsync(token.Session).ConfigureAwait(false);
        var known = await KnowledgeOfAsync(token.Session).ConfigureAwait(false);
        var restarts = 0;
        for (var until = cluster.Now + UnknownTimeout; ;)
        {
            ThrowIfGivenUp(cancellation);
            if (await TryAttachAsync(token, options).ConfigureAwait(false) is { } attached)
            {
                return attached;
            }

            if (!IsAvailable)
            {
                return New(options, ResumeFailure.NotResumable);
            }

            var began = cluster.Now;
            var queried = known.Owner;
            var (found, by, reserved) = await FindAsync(token, known).ConfigureAwait(false);
            if (found is null)
            {
                // The session may have been resumed elsewhere a moment ago, or this node may know nothing of it yet.
                var others = await AskOthersAsync(token.Session).ConfigureAwait(false);
                known = (await KnowledgeOfAsync(token.Session).ConfigureAwait(false)).With(others);
                if (known.Owner is not null && known.Owner != queried && !IsGivenUp(cancellation))
                {
                    (found, by, var more) = await FindAsync(token, known).ConfigureAwait(false);
                    reserved = Math.Max(reserved, more);
                }
            }

            switch (found?.Kind)
            {
                case ResponseKind.Over:
                    return New(options, ResumeFailure.Ended);
                case ResponseKind.TokenReplaced:
                    return New(options, ResumeFailure.TokenReplaced);
            }

            var isSuspended = _suspendedAt >= began && restarts++ < MaxRestarts;
            if (found is { Kind: ResponseKind.Released, Presences: { } released })
            {
                if (!isSuspended && !IsGivenUp(cancellation))
                {
                    var taken = await TakeAsync(token, options, found.Known, released).ConfigureAwait(false);
                    ReportTaken(taken.Session.State!, by, released);
                    return taken;
                }

                GiveBack(token.Session, by);
            }

            ThrowIfGivenUp(cancellation);
            if (isSuspended)
            {
                // What this process has missed meanwhile waits in queues, and nobody could answer. Its client may have
                // given up and have the session elsewhere by now.
                until = cluster.Now + UnknownTimeout;
                await WaitAsync(RetryInterval).ConfigureAwait(false);
                continue;
            }

            // The owner cannot be queried: the token and what this node has received must do.
            if (known.Presences.Count > 0)
            {
                var resumes = Math.Max(known.Greatest.Resumes, reserved);
                return await TakeAsync(token, options, resumes, known.Presences).ConfigureAwait(false);
            }

            if (cluster.Now >= until)
            {
                return New(options, ResumeFailure.Unknown);
            }

            await WaitAsync(RetryInterval).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Returns whether nothing may be taken any more: the client has disconnected, or this node stops and will
    /// disconnect it. It may have the session elsewhere.
    /// </summary>
    private bool IsGivenUp(CancellationToken cancellation) =>
        (cancellation.IsCancellationRequested || _isStopping) && Planted != SessionDefect.TakesForNobody;

    private void ThrowIfGivenUp(CancellationToken cancellation)
    {
        if (IsGivenUp(cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            throw new OperationCanceledException("This node stops: resume the session at another one.");
        }
    }

    /// <summary>Attaches the session if this node owns it.</summary>
    /// <returns>Null if this node does not own it, or only an earlier generation than the token's.</returns>
    private async Task<ResumeResult?> TryAttachAsync(ResumeToken token, PresenceSessionOptions options)
    {
        SessionState? state;
        PresenceSession handle;
        bool isHeir;
        lock (_gate)
        {
            if (!_own.TryGetValue(token.Session, out state) || state.ReleasedTo is not null
                || state.Generation < token.Generation)
            {
                return null;
            }

            if (IsReplaced(token.Generation, token.Attachment, state))
            {
                return New(options, ResumeFailure.TokenReplaced);
            }

            handle = Attach(state, options);
            isHeir = state.Generation.HandOvers > 0 && Planted != SessionDefect.HeirKeepsGeneration;
            if (isHeir)
            {
                // If this node's answer was lost, the former owner offers the same generation to another heir.
                Advance(state);
            }
        }

        if (isHeir)
        {
            await RestampAsync(state).ConfigureAwait(false);
        }

        var presences = new List<PresenceEntry>();
        foreach (var shard in cluster.Shards)
        {
            presences.AddRange(await shard.RunAsync((s, _, _) =>
            {
                s.BeginRetrack(handle.Id);
                return s.EntriesOf(handle.Id);
            }).ConfigureAwait(false));
        }

        return new(handle, ResumeOutcome.Attached, ResumeFailure.None, presences);
    }

    private bool IsReplaced(Generation token, uint attachment, SessionState state) =>
        state is { IsAttached: true, Confirmed: { } confirmed } && confirmed.IsAfter(token, attachment)
        && Planted != SessionDefect.AcceptsEarlierToken;

    private ResumeResult New(PresenceSessionOptions options, ResumeFailure failure)
    {
        var session = IsAvailable ? Open(options) : new PresenceSession(cluster.NewProcess(), options.Label);
        return new(session, ResumeOutcome.New, failure, []);
    }

    /// <summary>Returns what the shards of this node know of a session.</summary>
    private async Task<KnownSession> KnowledgeOfAsync(SessionId session)
    {
        var presences = new List<SessionPresence>();
        var generation = default(Generation);
        PresenceEntry? greatest = null;
        foreach (var shard in cluster.Shards)
        {
            var (entries, known, live) =
                await shard.RunAsync((s, _, _) => s.KnowledgeOf(session)).ConfigureAwait(false);
            presences.AddRange(entries
                .Where(e => Planted != SessionDefect.IgnoresHeld || live is not null)
                .Select(e => PresenceOf(shard, e)));
            generation = known is { } k && k > generation ? k : generation;
            greatest = live is not null && (greatest is null || SessionSlot.IsGreater(live, greatest))
                ? live : greatest;
        }

        return new(presences, generation, greatest?.Owner);
    }

    private static SessionPresence PresenceOf(SessionShard shard, PresenceEntry entry) => new(
        shard.Tracker, shard.Shard, new(new TrackRequest(entry.Topic, entry.Key, entry.Meta), entry.RefDot));

    /// <summary>Makes this node the owner: writes all presences under the next generation.</summary>
    private async Task<ResumeResult> TakeAsync(
        ResumeToken token, PresenceSessionOptions options, uint known, IReadOnlyList<SessionPresence> presences)
    {
        SessionState state;
        PresenceSession handle;
        SessionState? former;
        lock (_gate)
        {
            var reserved = _reserved.TryGet(token.Session, cluster.Now, out var number) ? number : 0;
            var resumes = Planted == SessionDefect.IgnoresTokenGeneration
                ? known : Math.Max(Math.Max(known, reserved), token.Generation.Resumes);
            var stamp = new SessionStamp(token.Session, new(resumes + 1, 0), options.Grace);
            state = new SessionState(this, cluster.NewProcess(), stamp, options.Label);
            former = Own(state);
            handle = Attach(state, options);
        }

        var entries = await AdoptAsync(state, former, presences).ConfigureAwait(false);
        return new(handle, ResumeOutcome.Resumed, ResumeFailure.None, entries);
    }

    /// <summary>
    /// Notifies the former owner that this node has a session. It knows that from the session's presences, unless all
    /// of them are in counts-only topics, which do not leave their node.
    /// </summary>
    private void ReportTaken(SessionState state, ReplicaId former, IReadOnlyList<SessionPresence> presences)
    {
        if (presences.Count > 0 && presences.All(p => CountsOnlyTopics.IsLocal(p.Tracker))
            && !string.Equals(former.Node, Self.Node, StringComparison.Ordinal))
        {
            var taken = new StaleSession(state.Session, state.Generation, HasEnded: true);
            _ = GuardAsync(cluster.SendAsync(former.Node, taken));
        }
    }

    /// <summary>Registers a session that comes from another node or begins its next generation.</summary>
    /// <returns>The state that it replaces; null if this node has not owned the session.</returns>
    private SessionState? Own(SessionState state)
    {
        if (_own.GetValueOrDefault(state.Session) is { } former)
        {
            Remove(former);
            former.IsMoved = true;
            Notify(former, LeaveReason.Superseded);
        }
        else
        {
            former = null;
        }

        _moved.Remove(state.Session);
        _own[state.Session] = state;
        Watch();
        return former;
    }

    private async Task<List<PresenceEntry>> AdoptAsync(
        SessionState state, SessionState? former, IReadOnlyList<SessionPresence> presences)
    {
        var entries = new List<PresenceEntry>();
        var all = Planted == SessionDefect.AdoptsNothing ? [] : presences;
        foreach (var shard in cluster.Shards)
        {
            var adopted = all.Where(p => shard.Has(p.Tracker, p.Presence.Request.Topic))
                .Select(p => p.Presence).ToArray();
            if (adopted.Length > 0)
            {
                state.Root.Link(shard.Link);
            }

            entries.AddRange(await shard.RunAsync((s, now, effects) =>
            {
                if (state.Root.IsEnded)
                {
                    return [];
                }

                s.Adopt(now, state.Root.Id, state.Stamp, adopted, former?.Root.Id, effects);
                return s.EntriesOf(state.Root.Id);
            }).ConfigureAwait(false));
        }

        return entries;
    }

    private async Task WaitAsync(TimeSpan duration)
    {
        var waited = new TaskCompletionSource(cluster.Completion);
        using var timer = cluster.After(duration, () => waited.TrySetResult());
        await waited.Task.ConfigureAwait(false);
    }

    /// <summary>What is known of a session without its owner.</summary>
    /// <param name="Presences">Its presences, held ones included.</param>
    /// <param name="Greatest">The greatest generation of which an entry was received.</param>
    /// <param name="Owner">The replica of the greatest live entry; null if there is none.</param>
    private sealed record KnownSession(
        IReadOnlyList<SessionPresence> Presences, Generation Greatest, ReplicaId? Owner)
    {
        /// <summary>Returns both; this one's presences first where both have one.</summary>
        public KnownSession With(KnownSession other)
        {
            var (first, second) = other.Greatest > Greatest ? (other, this) : (this, other);
            var presences = first.Presences
                .Concat(second.Presences)
                .DistinctBy(p => (p.Tracker, p.Presence.Request.Topic, p.Presence.Request.Key));
            return new([.. presences], first.Greatest, first.Owner ?? second.Owner);
        }
    }
}
