using Presence.Node.Sessions;
using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Node;

/// <summary>Is notified when a session ends.</summary>
internal interface ISessionLink
{
    void Ended(PresenceSession session);
}

/// <summary>Owns presences, which end with it: of a channel, grain, remote client's lease or hosted job.</summary>
/// <remarks>
/// A session with a grace is resumable: <see cref="Detach"/> keeps its presences for the grace, and
/// <see cref="IPresenceNode.ResumeAsync"/> continues it, on any node, without observers seeing a leave or a join. Each
/// resume gives a new object; the earlier ones can change nothing any more.
/// </remarks>
public sealed class PresenceSession : IDisposable
{
    /// <summary>
    /// The links to notify of the end: null, one (the usual case), an immutable array, or an <see cref="EndedMark"/>.
    /// Changed by compare-and-exchange: there may be as many sessions as presences, and a lock would need more memory
    /// than the rest.
    /// </summary>
    private object? _links;

    /// <summary>The label; for a resumable session its state, which has the label.</summary>
    private readonly object? _labelOrState;

    internal PresenceSession(ulong id, string? label)
    {
        Id = id;
        _labelOrState = label;
    }

    internal PresenceSession(SessionState state)
    {
        Id = state.Root.Id;
        _labelOrState = state;
    }

    /// <summary>Gets the number of the session, unique within this process.</summary>
    public ulong Id { get; }

    /// <summary>Gets the label for logs and the dashboard.</summary>
    public string? Label => State is { } state ? state.Root.Label : (string?)_labelOrState;

    /// <summary>
    /// Gets whether the session has ended, or, if it is resumable, belongs to another node or connection.
    /// </summary>
    public bool IsEnded => State is { } state ? !state.IsHeldBy(this) : Volatile.Read(ref _links) is EndedMark;

    /// <summary>Gets how long the session may be detached; zero if it cannot.</summary>
    public TimeSpan Grace => State?.Stamp.Grace ?? TimeSpan.Zero;

    /// <summary>Gets whether the session may be detached and resumed.</summary>
    public bool IsResumable => State is not null;

    /// <summary>Gets whether the session has a connection: it has not ended and was not detached.</summary>
    public bool IsAttached => !IsEnded && State is not { IsAttached: false };

    /// <summary>
    /// Gets the token that resumes the session; null if it is not resumable. Each resume gives a new one.
    /// </summary>
    public ResumeToken? Token => State?.TokenOf(this);

    internal SessionState? State => _labelOrState as SessionState;

    /// <summary>Gets the reason of the end; of a session that has not ended, <c>SessionEnded</c>.</summary>
    internal LeaveReason EndReason => State is { } state ? state.Root.EndReason
        : Volatile.Read(ref _links) is EndedMark mark ? mark.Reason : LeaveReason.SessionEnded;

    /// <summary>
    /// Ends the session and all its presences at once. Later calls do nothing, and neither does a call after the
    /// session was resumed elsewhere.
    /// </summary>
    public void End()
    {
        End(LeaveReason.SessionEnded);
    }

    /// <summary>
    /// Detaches the session from its lost connection. Its presences stay for the grace and end with
    /// <see cref="LeaveReason.GraceExpired"/> unless it is resumed. Ends a session that is not resumable.
    /// </summary>
    public void Detach()
    {
        if (State is { } state)
        {
            state.Table.Detach(state, this);
        }
        else
        {
            End();
        }
    }

    /// <summary>
    /// Records that the client has received the current <see cref="Token"/>: any message after the reply with it.
    /// Earlier tokens are rejected from then on while the session is attached. Cheap; call it for every message.
    /// </summary>
    public void Confirm()
    {
        if (State is { IsConfirmed: false } state)
        {
            state.Table.Confirm(state, this);
        }
    }

    /// <summary>Ends the presences that the session had before its resume and that were not tracked again.</summary>
    /// <returns>The number of presences that ended.</returns>
    public ValueTask<int> CompleteResumeAsync(CancellationToken cancellation = default) =>
        cancellation.IsCancellationRequested ? ValueTask.FromCanceled<int>(cancellation)
        : State is { } state ? state.Table.CompleteAsync(state, this)
        : ValueTask.FromResult(0);

    /// <summary>Calls <see cref="End()"/>.</summary>
    public void Dispose() => End();

    /// <summary>Returns whether a presence is of this session.</summary>
    /// <param name="entry">The presence.</param>
    /// <param name="node">The name of this node.</param>
    internal bool Owns(PresenceEntry entry, string node) => State is { } state && entry.Stamp is { } stamp
        ? stamp.Session == state.Session
        : entry.Process == Id && entry.Stamp is null
            && string.Equals(entry.Owner.Node, node, StringComparison.Ordinal);

    /// <summary>Returns what entries of the session carry; null if it is not resumable.</summary>
    /// <exception cref="SessionMovedException">The session belongs to another node or connection.</exception>
    internal SessionStamp? StampForChange() => State?.StampFor(this);

    internal void End(LeaveReason reason)
    {
        if (State is { } state)
        {
            state.Table.End(state, this, reason);
            return;
        }

        switch (Interlocked.Exchange(ref _links, EndedMark.For(reason)))
        {
            case EndedMark first:
                Volatile.Write(ref _links, first);
                break;
            case ISessionLink one:
                one.Ended(this);
                break;
            case ISessionLink[] links:
                foreach (var link in links)
                {
                    link.Ended(this);
                }

                break;
        }
    }

    /// <summary>Adds a link, which is notified of the end once.</summary>
    /// <returns>False if the session has ended already: the link was not added, and the caller acts at once.</returns>
    internal bool Link(ISessionLink link)
    {
        if (State is { } state)
        {
            return state.Root.Link(link);
        }

        var links = Volatile.Read(ref _links);
        while (links is not EndedMark)
        {
            if (links == link || (links is ISessionLink[] present && present.Contains(link)))
            {
                return true;
            }

            object with = links switch
            {
                null => link,
                ISessionLink one => new[] { one, link },
                _ => (ISessionLink[])[.. (ISessionLink[])links, link],
            };
            var before = Interlocked.CompareExchange(ref _links, with, links);
            if (before == links)
            {
                return true;
            }

            links = before;
        }

        return false;
    }

    /// <summary>One per reason, so that the reason needs no memory.</summary>
    private sealed class EndedMark(LeaveReason reason)
    {
        private static readonly EndedMark[] Marks = [.. Enum.GetValues<LeaveReason>().Select(r => new EndedMark(r))];

        public LeaveReason Reason => reason;

        public static EndedMark For(LeaveReason reason) => Marks[(int)reason];
    }
}
