using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>One presence: a process that is present in a topic under a key, with metadata. Immutable.</summary>
/// <remarks>
/// Identity is (owner, process, topic, key); an update makes a new entry with the same identity and a new
/// <see cref="Ref"/>. All members of the cluster agree on every property.
/// </remarks>
public sealed class PresenceEntry
{
    internal PresenceEntry(
        ReplicaId owner,
        ulong sequence,
        ulong born,
        ulong previous,
        ulong process,
        string topic,
        string key,
        byte[] meta)
    {
        Owner = owner;
        Sequence = sequence;
        Born = born;
        Previous = previous;
        Process = process;
        Topic = topic;
        Key = key;
        MetaBytes = meta;
    }

    /// <summary>Where it is present.</summary>
    public string Topic { get; }

    /// <summary>Who is present: a user id, a cart id. Several presences may share a key (devices, tabs).</summary>
    public string Key { get; }

    /// <summary>What the process says about itself.</summary>
    public PresenceMeta Meta => PresenceMeta.Trusted(MetaBytes);

    /// <summary>The member, in its present incarnation, whose process this is. Only it can change or end the entry.</summary>
    public ReplicaId Owner { get; }

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
    internal ulong Born { get; }

    internal ulong Previous { get; }

    internal byte[] MetaBytes { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Topic}/{Key} {Dot} {Meta}";
}
