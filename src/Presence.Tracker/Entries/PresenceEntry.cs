using Presence.Crdt;
using Presence.Tracker.Entries;
using Presence.Tracker.Sessions;

namespace Presence.Tracker;

/// <summary>One presence: a session that is present in a topic under a key, with metadata. Immutable.</summary>
/// <remarks>
/// An update creates a new entry with the same <see cref="Identity"/> and a new <see cref="Ref"/>. When a resumed
/// session continues on another node, <see cref="Owner"/>, <see cref="Process"/> and the dots change, the identity does
/// not. All properties have the same value on every node.
/// </remarks>
public sealed class PresenceEntry
{
    // Entries dominate memory: owners are shared, and fields that few entries need are in a separate object.
    private readonly SharedOwner _owner;
    private Past? _past;

    internal PresenceEntry(
        ReplicaId owner,
        ulong sequence,
        ulong born,
        ulong previous,
        ulong process,
        string topic,
        string key,
        PresenceMeta meta,
        SessionStamp? stamp = null,
        RefDot refDot = default)
    {
        _owner = SharedOwner.Of(owner);
        Sequence = sequence;
        _past = stamp is not null ? new SessionPast(born, previous, stamp, refDot)
            : born == sequence && previous == 0 ? null
            : new Past(born, previous);
        Process = process;
        Topic = topic;
        Key = key;
        Meta = meta;
    }

    /// <summary>Gets the topic.</summary>
    public string Topic { get; }

    /// <summary>Gets the key, such as a user or cart id. Several presences may share it (devices, tabs).</summary>
    public string Key { get; }

    /// <summary>Gets the metadata.</summary>
    public PresenceMeta Meta { get; }

    /// <summary>Gets the replica that wrote the entry. Only the owner can change or end it.</summary>
    public ReplicaId Owner => _owner.Id;

    /// <summary>Gets the number of the owning session, unique within the owner.</summary>
    public ulong Process { get; }

    /// <summary>Gets what is equal for all versions of the presence and differs from that of any other.</summary>
    public PresenceIdentity Identity => new(this);

    /// <summary>Gets the event that wrote this version.</summary>
    public Dot Dot => new(Owner, Sequence);

    /// <summary>Gets the event that wrote the first version: equal for all versions, unique to the presence.</summary>
    public Dot First => new(Owner, CreatedSequence);

    /// <summary>Gets the opaque id of this version (the <c>phx_ref</c> of Phoenix): 16 URL-safe characters.</summary>
    public string Ref => RefDot.Format();

    /// <summary>Gets the <see cref="Ref"/> of the version that this one replaced; null for the first version.</summary>
    public string? PreviousRef => Previous == 0 ? null : PresenceRef.Format(Owner, Previous);

    internal ulong Sequence { get; }

    /// <summary>Gets the sequence of the first version: distinguishes an update from a leave and a new join.</summary>
    internal ulong CreatedSequence => _past?.CreatedSequence ?? Sequence;

    internal ulong Previous => _past?.Previous ?? 0;

    /// <summary>Gets the session, if it is resumable.</summary>
    internal SessionStamp? Stamp => (_past as SessionPast)?.Stamp;

    /// <summary>Gets the dot of <see cref="Ref"/>: that of a predecessor with equal metadata, or its own.</summary>
    internal RefDot RefDot => InheritedRef is { Sequence: > 0 } inherited ? inherited : RefDot.Of(Owner, Sequence);

    /// <summary>Gets the dot that <see cref="Ref"/> was inherited from; the default if it is the entry's own.</summary>
    internal RefDot InheritedRef => _past is SessionPast past ? past.RefDot : default;

    /// <summary>Returns whether both are versions of one presence, in whatever generation of its session.</summary>
    internal bool IsSamePresence(PresenceEntry other) =>
        (Stamp is { } stamp
            ? stamp.Session == other.Stamp?.Session
            : Process == other.Process && other.Stamp is null && Owner == other.Owner)
        && string.Equals(Key, other.Key, StringComparison.Ordinal)
        && string.Equals(Topic, other.Topic, StringComparison.Ordinal);

    /// <summary>Adds what the frame says of its session, before anything else has the entry. For the codec.</summary>
    internal void SetSession(SessionStamp stamp, RefDot refDot) =>
        _past = new SessionPast(CreatedSequence, Previous, stamp, refDot);

    /// <inheritdoc/>
    public override string ToString() => $"{Topic}/{Key} {Dot} {Meta}";

    /// <summary>The earlier versions of an updated entry.</summary>
    private class Past(ulong born, ulong previous)
    {
        public ulong CreatedSequence => born;

        public ulong Previous => previous;
    }

    /// <summary>The same, of an entry of a resumable session.</summary>
    private sealed class SessionPast(ulong born, ulong previous, SessionStamp stamp, RefDot refDot)
        : Past(born, previous)
    {
        public SessionStamp Stamp => stamp;

        public RefDot RefDot => refDot;
    }

    /// <summary>An owner, as one object for all entries of it that one thread creates in a row.</summary>
    private sealed class SharedOwner(ReplicaId id)
    {
        [ThreadStatic]
        private static SharedOwner? t_last;

        public ReplicaId Id => id;

        public static SharedOwner Of(ReplicaId id) =>
            t_last is { } last && last.Id == id ? last : t_last = new SharedOwner(id);
    }
}
