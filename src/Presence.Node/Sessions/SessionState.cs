using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

/// <summary>A resumable session that this node owns. Changed under the lock of its table.</summary>
internal sealed class SessionState
{
    private volatile SessionStamp _stamp;
    private volatile PresenceSession? _handle;
    private volatile bool _isAttached;
    private volatile ResumeToken? _sent;
    private volatile ResumeToken? _confirmed;
    private volatile uint _attachments;
    private volatile bool _isGone;
    private volatile bool _isHandedOver;
    private bool _hasOutbid;

    /// <param name="table">The table of its node.</param>
    /// <param name="process">Its number within this process.</param>
    /// <param name="stamp">Its id, generation and grace.</param>
    /// <param name="label">Its label.</param>
    public SessionState(SessionTable table, ulong process, SessionStamp stamp, string? label)
    {
        Table = table;
        Root = new PresenceSession(process, label);
        _stamp = stamp;
    }

    public SessionTable Table { get; }

    /// <summary>Gets the session that the shards link to, the same for all attachments.</summary>
    public PresenceSession Root { get; }

    public SessionId Session => _stamp.Session;

    public SessionStamp Stamp
    {
        get => _stamp;
        set => _stamp = value;
    }

    public Generation Generation => _stamp.Generation;

    /// <summary>Gets the object of the current connection, or of the last one; null before the first.</summary>
    public PresenceSession? Handle => _handle;

    public bool IsAttached
    {
        get => _isAttached;
        set => _isAttached = value;
    }

    /// <summary>Gets the last token that the client has confirmed; null if none.</summary>
    public ResumeToken? Confirmed => _confirmed;

    public bool IsConfirmed => _confirmed is { } confirmed && ReferenceEquals(confirmed, _sent);

    /// <summary>Gets or sets whether the code of the handle has not detached or ended it.</summary>
    public bool HasCode { get; set; }

    public Action<PresenceSession, LeaveReason>? OnEnded { get; set; }

    /// <summary>Gets or sets when the detached session ends; null while it is attached.</summary>
    public TimeSpan? Until { get; set; }

    /// <summary>Gets or sets the node that the session was released to; null if it is owned here.</summary>
    public ReplicaId? ReleasedTo
    {
        get => field;
        set
        {
            field = value;
            _isGone = value is not null;
        }
    }

    public TimeSpan ReleasedAt { get; set; }

    /// <summary>Gets or sets the replica that this node has handed the session to, and under which stamp.</summary>
    public (ReplicaId Heir, SessionStamp Stamp)? HandedTo
    {
        get => field;
        set
        {
            field = value;
            _isHandedOver = value is not null;
        }
    }

    /// <summary>Gets or sets the nodes that this node offers the session to, and the stamp it gets there.</summary>
    public (IReadOnlyList<string> Heirs, SessionStamp Stamp)? OfferedTo { get; set; }

    /// <summary>Gets whether changes are passed on: this node stops, and its clients are still connected.</summary>
    public bool IsHandedOver => _isHandedOver;

    /// <summary>Gets or sets whether it was handed over or superseded: nothing may be changed here any more.</summary>
    public bool IsMoved { get; set; }

    /// <summary>Begins a connection, which gets a token of its own.</summary>
    public void Begin(PresenceSession handle)
    {
        _hasOutbid = false;
        _sent = null;
        _attachments++;
        _handle = handle;
    }

    /// <summary>Returns whether the connection may outbid another node, which it may once.</summary>
    public bool TryOutbid() => !_hasOutbid && (_hasOutbid = true);

    /// <summary>Returns the token of a connection. That of a former one is rejected as soon as possible.</summary>
    public ResumeToken TokenOf(PresenceSession handle)
    {
        var (generation, sent, isCurrent) = (Generation, _sent, handle == _handle);
        if (isCurrent && sent?.Generation == generation && sent.Attachment == _attachments)
        {
            return sent;
        }

        var token = new ResumeToken(Session, generation, Table.Self, isCurrent ? _attachments : 0);
        if (isCurrent)
        {
            _sent = token;
        }

        return token;
    }

    /// <summary>Records that the client has received the last token that the code has read.</summary>
    public void Confirm(PresenceSession handle) => _confirmed = _sent ?? TokenOf(handle);

    public bool IsHeldBy(PresenceSession handle) => handle == _handle && !_isGone && !IsMoved && !Root.IsEnded;

    private bool IsChangedBy(PresenceSession handle) => handle == _handle
        && ((!_isGone && !IsMoved) || Table.Planted == SessionDefect.FormerOwnerWrites);

    /// <exception cref="SessionMovedException">The session belongs to another node or connection.</exception>
    public SessionStamp StampFor(PresenceSession handle) =>
        IsChangedBy(handle) ? _stamp : throw new SessionMovedException();
}
