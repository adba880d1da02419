using System.Diagnostics.Metrics;
using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

/// <summary>
/// The resumable sessions of one node: attaches and detaches them, ends them when their grace is over or when another
/// node has a later generation.
/// </summary>
/// <remarks>
/// Safe on any thread. Its lock is held for lookups and changes of its own tables only: never while a shard, another
/// node or code of the application is called.
/// </remarks>
internal sealed partial class SessionTable(ISessionCluster cluster)
{
    private const int MaxRemembered = 65_536;

    /// <summary>How much later than due a timer may fire. Beyond it, this process was suspended.</summary>
    private static readonly TimeSpan MaxLateness = TimeSpan.FromMilliseconds(500);

    /// <summary>Time to process what has arrived during a suspension, before sessions expire.</summary>
    private static readonly TimeSpan AfterPause = TimeSpan.FromSeconds(2);

    /// <summary>Maximum time after which a half-open connection is detected.</summary>
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(90);

    private readonly Lock _gate = new();
    private readonly Dictionary<SessionId, SessionState> _own = [];
    private readonly RecentTable<SessionId, ReplicaId> _moved = new(MaxRemembered);
    private readonly RecentTable<SessionId, uint> _reserved = new(MaxRemembered);
    private readonly PriorityQueue<SessionState, TimeSpan> _due = new();
    private IDisposable? _timer;
    private TimeSpan _armed = TimeSpan.MaxValue;
    private volatile bool _isStopping;

    public ReplicaId Self => cluster.Self;

    /// <summary>
    /// Gets whether sessions may have a grace: all nodes know sessions. Otherwise what this node has is kept.
    /// </summary>
    public bool IsAvailable => cluster.KnowSessions;

    /// <summary>Gets or sets a defect for the simulation.</summary>
    internal SessionDefect Planted { get; set; }

    /// <summary>Counts the sessions, and names some of the detached ones.</summary>
    public SessionStatus Status(int maxDetached, int heldLeaves)
    {
        lock (_gate)
        {
            var detached = _own.Values.Where(s => !s.IsAttached).Select(s => s.Session).ToList();
            var tags = detached.Take(maxDetached).Select(SessionStatus.TagOf);
            return new(_own.Count - detached.Count, detached.Count, heldLeaves, [.. tags]);
        }
    }

    /// <summary>Measures <c>presence.sessions.resumable</c>.</summary>
    public IEnumerable<Measurement<int>> Measure()
    {
        var status = Status(0, 0);
        return
        [
            new(status.Attached, new KeyValuePair<string, object?>("state", "attached")),
            new(status.Detached, new KeyValuePair<string, object?>("state", "detached")),
        ];
    }

    /// <summary>Returns a session of this node; null if it has none of this id.</summary>
    internal SessionState? Find(SessionId session)
    {
        lock (_gate)
        {
            return _own.GetValueOrDefault(session);
        }
    }

    /// <summary>Returns the sessions of this node.</summary>
    internal IReadOnlyList<SessionState> All()
    {
        lock (_gate)
        {
            return [.. _own.Values];
        }
    }

    /// <summary>Opens a session with a grace, which is attached.</summary>
    public PresenceSession Open(PresenceSessionOptions options)
    {
        var stamp = new SessionStamp(cluster.NewId(), default, options.Grace);
        var state = new SessionState(this, cluster.NewProcess(), stamp, options.Label);
        lock (_gate)
        {
            _own.Add(stamp.Session, state);
            Watch();
            return Attach(state, options);
        }
    }

    public void Detach(SessionState state, PresenceSession handle)
    {
        lock (_gate)
        {
            if (handle == state.Handle && !state.IsMoved && !state.Root.IsEnded)
            {
                state.HasCode = false;
                if (state.ReleasedTo is null)
                {
                    BeginGrace(state, state.Stamp.Grace);
                }
            }
        }
    }

    public void Confirm(SessionState state, PresenceSession handle)
    {
        lock (_gate)
        {
            if (handle == state.Handle)
            {
                state.Confirm(handle);
            }
        }
    }

    public void End(SessionState state, PresenceSession handle, LeaveReason reason)
    {
        bool isHandedOver;
        lock (_gate)
        {
            isHandedOver = handle == state.Handle && state.IsHandedOver;
            if (!isHandedOver && !state.IsHeldBy(handle))
            {
                return;
            }

            state.HasCode = false;
            Remove(state);
        }

        if (isHandedOver)
        {
            _ = GuardAsync(ForwardEndAsync(state, handle));
            return;
        }

        state.Root.End(reason);
    }

    /// <summary>Ends what the code has not tracked again after a resume.</summary>
    public async ValueTask<int> CompleteAsync(SessionState state, PresenceSession handle)
    {
        var ended = 0;
        if (Planted == SessionDefect.KeepsUntracked)
        {
            return ended;
        }

        foreach (var shard in cluster.Shards)
        {
            ended += await shard.RunAsync((s, now, effects) =>
                state.IsHeldBy(handle) ? s.EndRetrack(now, handle.Id, effects) : 0).ConfigureAwait(false);
        }

        return ended;
    }

    /// <summary>Handles entries of a session that another node has written. May be called inside a shard.</summary>
    public void OnSighted(SessionSighting sighting)
    {
        var (stamp, owner, isDown) = sighting;
        OnGreater(stamp.Session, stamp.Generation, owner, isDown && Planted != SessionDefect.DeadReplicaWins);
    }

    /// <summary>
    /// Handles entries that stay hidden because of a later generation, of which nothing is left. May be called inside a
    /// shard.
    /// </summary>
    public void OnHidden(HiddenSession hidden)
    {
        var stale = new StaleSession(hidden.Session, hidden.Greatest, hidden.HasEnded);
        if (string.Equals(hidden.Owner.Node, Self.Node, StringComparison.Ordinal))
        {
            OnStale(stale);
        }
        else
        {
            _ = GuardAsync(cluster.SendAsync(hidden.Owner.Node, stale));
        }
    }

    private void OnStale(StaleSession stale) => OnGreater(stale.Session, stale.Greatest, null, !stale.HasEnded);

    /// <summary>Ends a session that has a later generation elsewhere, or outbids what is left of that.</summary>
    private void OnGreater(SessionId session, Generation generation, ReplicaId? owner, bool isOwnerGone)
    {
        SessionState? state;
        lock (_gate)
        {
            if (!_own.TryGetValue(session, out state) || !IsGreater(generation, owner, state))
            {
                return;
            }

            if (!isOwnerGone && owner is { } heir && IsOffer(state, heir, generation))
            {
                // The entries of the heir have come before its answer.
                HandedOver(state, heir);
                return;
            }

            if ((isOwnerGone && state.IsAttached) || TryOutbid(state, generation, owner))
            {
                // The client is here: outbid what a dead node has left, or what the client does not know of.
                state.Stamp = state.Stamp with { Generation = new(generation.Resumes + 1, 0) };
            }
            else if (isOwnerGone && owner is not null)
            {
                return;
            }
            else
            {
                Remember(state, owner ?? state.ReleasedTo);
                Remove(state);
                state.IsMoved = true;
            }
        }

        if (!state.IsMoved)
        {
            _ = GuardAsync(RestampAsync(state));
            return;
        }

        if (Planted != SessionDefect.SupersededStays)
        {
            state.Root.End(LeaveReason.Superseded);
        }

        Notify(state, LeaveReason.Superseded);
    }

    /// <summary>
    /// Returns whether the session stays here: its client has confirmed that it is here, and the other node has resumed
    /// it as often, for a reply that was lost, or is the heir of such a node. The client knows of neither. Once for
    /// each connection: two nodes that both have a confirmed client would outbid each other for ever.
    /// </summary>
    private bool TryOutbid(SessionState state, Generation generation, ReplicaId? owner) =>
        owner is not null && state is { IsAttached: true, IsConfirmed: true }
        && generation.Resumes == state.Generation.Resumes && Planted != SessionDefect.UnknownResumeWins
        && state.TryOutbid();

    private bool IsGreater(Generation generation, ReplicaId? owner, SessionState state)
    {
        var order = generation.CompareTo(state.Generation);
        return order != 0 ? order > 0 : owner > Self;
    }

    /// <summary>Creates the object of a new connection; the one before can change nothing any more.</summary>
    private PresenceSession Attach(SessionState state, PresenceSessionOptions options)
    {
        Notify(state, LeaveReason.Superseded);
        var handle = new PresenceSession(state);
        state.Begin(handle);
        state.OnEnded = options.OnEnded;
        state.HasCode = true;
        state.IsAttached = true;
        state.Until = null;
        return handle;
    }

    private void BeginGrace(SessionState state, TimeSpan grace)
    {
        state.IsAttached = false;
        state.Until = cluster.Now + grace;
        _due.Enqueue(state, state.Until.Value);
        Arm();
    }

    /// <summary>Remembers which replica has a session that left this node.</summary>
    private void Remember(SessionState state, ReplicaId? owner)
    {
        if (owner is { } to && Planted != SessionDefect.ForgetsSuccessor)
        {
            _moved.Set(state.Session, to, cluster.Now, (state.Stamp.Grace * 2) + IdleTimeout);
        }
    }

    private void Remove(SessionState state)
    {
        if (_own.GetValueOrDefault(state.Session) == state)
        {
            _own.Remove(state.Session);
        }

        state.IsAttached = false;
        state.Until = null;
    }

    /// <summary>Notifies the current connection, if it has not detached or ended the session itself.</summary>
    private void Notify(SessionState state, LeaveReason reason)
    {
        var (handle, onEnded) = (state.Handle, state.OnEnded);
        if (state.HasCode && handle is not null)
        {
            state.HasCode = false;
            if (onEnded is not null)
            {
                cluster.Notify(() => onEnded(handle, reason));
            }
        }
    }

    private void TakeBack(SessionState state)
    {
        Advance(state);
        state.ReleasedTo = null;
        state.IsAttached = true;
        state.Until = null;
    }

    /// <summary>Begins a generation by resume, later than what this node has and has reserved for others.</summary>
    private void Advance(SessionState state)
    {
        var reserved = _reserved.TryGet(state.Session, cluster.Now, out var number) ? number : 0;
        var resumes = Math.Max(reserved, state.Generation.Resumes) + 1;
        state.Stamp = state.Stamp with { Generation = new(resumes, 0) };
    }

    private async Task RestampAsync(SessionState state)
    {
        foreach (var shard in cluster.Shards)
        {
            await shard.RunAsync((s, now, effects) =>
                state.IsMoved ? 0 : s.Restamp(now, state.Root.Id, state.Stamp, effects)).ConfigureAwait(false);
        }
    }

    private void Arm()
    {
        if (_due.TryPeek(out _, out var due) && due < _armed)
        {
            _timer?.Dispose();
            _armed = due;
            var wait = due - cluster.Now;
            _timer = cluster.After(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, ExpireDue);
        }
    }

    private void ExpireDue()
    {
        var expired = new List<SessionState>();
        var kept = new List<SessionState>();
        lock (_gate)
        {
            _armed = TimeSpan.MaxValue;
            var now = cluster.Now;
            while (_due.TryPeek(out var state, out var due) && due <= now)
            {
                _due.Dequeue();
                if (state.Until is not { } until || until > now)
                {
                    continue;
                }

                if (now - due > MaxLateness && Planted != SessionDefect.ExpiresAfterPause)
                {
                    // Suspended meanwhile: the session may have been resumed elsewhere, which is still in a queue.
                    state.Until = now + AfterPause;
                    _due.Enqueue(state, state.Until.Value);
                    continue;
                }

                if (state is { ReleasedTo: not null, HasCode: true } && Planted != SessionDefect.GivesNothingBack)
                {
                    // Nothing has arrived from the node it was released to, and the client is still here: take it back.
                    TakeBack(state);
                    kept.Add(state);
                    continue;
                }

                Remove(state);
                state.IsMoved |= state.ReleasedTo is not null;
                expired.Add(state);
            }

            Arm();
        }

        foreach (var state in kept)
        {
            _ = GuardAsync(RestampAsync(state));
        }

        foreach (var state in expired)
        {
            state.Root.End(LeaveReason.GraceExpired);
            Notify(state, LeaveReason.GraceExpired);
        }
    }
}
