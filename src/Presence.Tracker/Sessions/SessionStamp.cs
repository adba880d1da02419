using Presence.Tracker.Entries;

namespace Presence.Tracker.Sessions;

/// <summary>Identifies a resumable session on all nodes: 128 random bits.</summary>
internal readonly record struct SessionId(ulong High, ulong Low)
{
    /// <inheritdoc/>
    public override string ToString() => $"{High:x16}{Low:x16}";
}

/// <summary>The generation of a resumable session; starts at (0, 0).</summary>
/// <param name="Resumes">Grows when a client resumes the session at another node: exceeds every hand-over.</param>
/// <param name="HandOvers">Grows when a node hands the session over; starts at 0 after each resume.</param>
internal readonly record struct Generation(uint Resumes, uint HandOvers) : IComparable<Generation>
{
    public int CompareTo(Generation other)
    {
        var byResumes = Resumes.CompareTo(other.Resumes);
        return byResumes != 0 ? byResumes : HandOvers.CompareTo(other.HandOvers);
    }

    public Generation HandedOver() => this with { HandOvers = HandOvers + 1 };

    /// <inheritdoc/>
    public override string ToString() => $"{Resumes}.{HandOvers}";

    public static bool operator <(Generation left, Generation right) => left.CompareTo(right) < 0;

    public static bool operator >(Generation left, Generation right) => left.CompareTo(right) > 0;

    public static bool operator <=(Generation left, Generation right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Generation left, Generation right) => left.CompareTo(right) >= 0;
}

/// <summary>What the entries of a resumable session carry. Shared by all entries of one generation.</summary>
/// <param name="Session">The session.</param>
/// <param name="Generation">Its generation when the entry was written.</param>
/// <param name="Grace">How long the session may be detached; at most <see cref="MaxGrace"/>.</param>
internal sealed record SessionStamp(SessionId Session, Generation Generation, TimeSpan Grace)
{
    public static readonly TimeSpan MaxGrace = TimeSpan.FromHours(24);
}

/// <summary>The dot that the public id of a version is made of, as far as the id shows it.</summary>
/// <param name="Owner">The upper 40 bits of the stable hash of the replica.</param>
/// <param name="Sequence">The sequence number.</param>
internal readonly record struct RefDot(ulong Owner, ulong Sequence)
{
    public static RefDot Of(Crdt.ReplicaId owner, ulong sequence) => new(StableHash.Of(owner) >> 24, sequence);

    public string Format() => PresenceRef.Format(Owner, Sequence);
}

/// <summary>A presence of a session that another node takes over.</summary>
/// <param name="Request">Topic, key and metadata.</param>
/// <param name="Ref">The dot of its public id.</param>
internal readonly record struct AdoptedPresence(TrackRequest Request, RefDot Ref);

/// <summary>What a shard knows of a session.</summary>
/// <param name="Entries">The entry that is shown for each of its presences, held ones included.</param>
/// <param name="Known">The greatest generation of which an entry was received; null if none.</param>
/// <param name="Greatest">The live entry with the greatest (generation, replica); null if there is none.</param>
internal sealed record SessionKnowledge(
    IReadOnlyList<PresenceEntry> Entries, Generation? Known, PresenceEntry? Greatest);

/// <summary>Entries of a session were received from another node.</summary>
/// <param name="Stamp">The session and generation.</param>
/// <param name="Owner">The replica that wrote them.</param>
/// <param name="IsDown">Whether that replica counts as down.</param>
internal readonly record struct SessionSighting(SessionStamp Stamp, Crdt.ReplicaId Owner, bool IsDown);

/// <summary>Entries of a session stay hidden because of a later generation, of which no entry is shown.</summary>
/// <param name="Session">The session.</param>
/// <param name="Owner">The replica that has the hidden entry.</param>
/// <param name="Greatest">The later generation.</param>
/// <param name="HasEnded">Whether the later entry was ended by its owner, and not because its node disappeared.</param>
internal readonly record struct HiddenSession(
    SessionId Session, Crdt.ReplicaId Owner, Generation Greatest, bool HasEnded);
