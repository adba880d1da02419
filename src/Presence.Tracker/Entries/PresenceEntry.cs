using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>One presence: a process that is present in a topic under a key, with metadata. Immutable.</summary>
/// <remarks>
/// Identity is (owner, process, topic, key); an update makes a new entry with the same identity and a new
/// <see cref="Ref"/>. All members of the cluster agree on every property.
/// </remarks>
public sealed class PresenceEntry
{
    // There are as many entries as presences, so what most have in common is held once, and what few have apart.
    private readonly SharedOwner _owner;
    private readonly Past? _past;

    internal PresenceEntry(
        ReplicaId owner,
        ulong sequence,
        ulong born,
        ulong previous,
        ulong process,
        string topic,
        string key,
        PresenceMeta meta)
    {
        _owner = SharedOwner.Of(owner);
        Sequence = sequence;
        _past = born == sequence && previous == 0 ? null : new Past(born, previous);
        Process = process;
        Topic = topic;
        Key = key;
        Meta = meta;
    }

    /// <summary>Where it is present.</summary>
    public string Topic { get; }

    /// <summary>Who is present: a user id, a cart id. Several presences may share a key (devices, tabs).</summary>
    public string Key { get; }

    /// <summary>What the process says about itself.</summary>
    public PresenceMeta Meta { get; }

    /// <summary>The member, in its present incarnation, whose process this is. Only it can change or end the entry.</summary>
    public ReplicaId Owner => _owner.Id;

    /// <summary>The owning process, unique within the owner.</summary>
    public ulong Process { get; }

    /// <summary>The event that wrote this version of the entry.</summary>
    public Dot Dot => new(Owner, Sequence);

    /// <summary>
    /// The event that wrote the first version: the same for all versions of one presence, and for no other presence.
    /// </summary>
    public Dot First => new(Owner, Born);

    /// <summary>Opaque id of this version (the <c>phx_ref</c> of Phoenix): 16 characters, URL-safe.</summary>
    public string Ref => PresenceRef.Format(Owner, Sequence);

    /// <summary>The <see cref="Ref"/> of the version that this one replaced, or null if it is the first.</summary>
    public string? PreviousRef => Previous == 0 ? null : PresenceRef.Format(Owner, Previous);

    internal ulong Sequence { get; }

    /// <summary>Sequence of the first version: tells an update from a leave and a new join of the same triple.</summary>
    internal ulong Born => _past?.Born ?? Sequence;

    internal ulong Previous => _past?.Previous ?? 0;

    /// <inheritdoc/>
    public override string ToString() => $"{Topic}/{Key} {Dot} {Meta}";

    /// <summary>What an entry that is not the first version of itself knows of those before.</summary>
    private sealed class Past(ulong born, ulong previous)
    {
        public ulong Born => born;

        public ulong Previous => previous;
    }

    /// <summary>An owner as one object for all its entries that are made in a row.</summary>
    private sealed class SharedOwner(ReplicaId id)
    {
        [ThreadStatic]
        private static SharedOwner? t_last;

        public ReplicaId Id => id;

        public static SharedOwner Of(ReplicaId id) =>
            t_last is { } last && last.Id == id ? last : t_last = new SharedOwner(id);
    }
}
