using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

/// <summary>A message between the session tables of two nodes.</summary>
/// <param name="Number">Number of the request; an answer repeats it.</param>
internal abstract record SessionFrame(ulong Number);

/// <summary>Requests a session.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Session">The session.</param>
/// <param name="Token">The generation that the client knows.</param>
/// <param name="Attachment">The connection of which the client has the token.</param>
/// <param name="Known">The greatest number of resumes that the sender knows.</param>
/// <param name="Target">The replica that is expected to own it.</param>
/// <param name="Requester">The sender.</param>
internal sealed record SessionRequest(
    ulong Number, SessionId Session, Generation Token, uint Attachment, uint Known, ReplicaId Target,
    ReplicaId Requester) : SessionFrame(Number);

/// <summary>The kinds of answers to an <see cref="SessionRequest"/>.</summary>
internal enum ResponseKind : byte
{
    /// <summary>The node does not know the session.</summary>
    Unknown,

    /// <summary>The node is the queried replica and has ended the session.</summary>
    Over,

    /// <summary>Another node has it.</summary>
    Moved,

    /// <summary>The client has confirmed a later token.</summary>
    TokenReplaced,

    /// <summary>The session is released to the sender of the request.</summary>
    Released,
}

/// <summary>Answers an <see cref="SessionRequest"/>.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Kind">The answer.</param>
/// <param name="Known">Released, moved: the greatest number of resumes that was used or reserved before.</param>
/// <param name="MovedTo">Moved: the replica that has it.</param>
/// <param name="Presences">Released: all presences of the session.</param>
internal sealed record SessionResponse(
    ulong Number, ResponseKind Kind, uint Known = 0, ReplicaId MovedTo = default,
    IReadOnlyList<SessionPresence>? Presences = null) : SessionFrame(Number);

/// <summary>Returns a released session that the requester does not take: its client has given up.</summary>
/// <param name="Session">The session.</param>
/// <param name="Requester">The replica that it was released to.</param>
internal sealed record ReturnFrame(SessionId Session, ReplicaId Requester) : SessionFrame(0);

/// <summary>Requests what another node has received of a session.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Session">The session.</param>
internal sealed record SessionQuery(ulong Number, SessionId Session) : SessionFrame(Number);

/// <summary>Answers a <see cref="SessionQuery"/>.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Greatest">The greatest generation of which an entry was received.</param>
/// <param name="Owner">The replica of the greatest live entry; null if there is none.</param>
/// <param name="Presences">Its presences, held ones included.</param>
internal sealed record SessionReport(
    ulong Number, Generation Greatest, ReplicaId? Owner, IReadOnlyList<SessionPresence> Presences)
    : SessionFrame(Number);

/// <summary>Notifies a node that its entries of a session stay hidden, because of a later generation.</summary>
/// <param name="Session">The session.</param>
/// <param name="Greatest">The generation.</param>
/// <param name="HasEnded">Whether that one was ended; otherwise its node has disappeared.</param>
internal sealed record StaleSession(SessionId Session, Generation Greatest, bool HasEnded) : SessionFrame(0);

/// <summary>The changes that a node passes on whose sessions were handed over.</summary>
internal enum ForwardedKind : byte
{
    /// <summary>Replaces the metadata of a presence.</summary>
    Update,

    /// <summary>Ends a presence.</summary>
    Untrack,

    /// <summary>Ends the session.</summary>
    End,
}

/// <summary>Passes a change of a session on to the node that it was handed to.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Session">The session.</param>
/// <param name="Generation">The generation that was handed over: no client has resumed it since.</param>
/// <param name="Kind">The change.</param>
/// <param name="Tracker">The tracker.</param>
/// <param name="Shard">The shard of the topic on the sending node; the receiver's may be another one.</param>
/// <param name="Request">Topic, key and metadata.</param>
internal sealed record ForwardFrame(
    ulong Number, SessionId Session, Generation Generation, ForwardedKind Kind, string Tracker, int Shard,
    TrackRequest Request) : SessionFrame(Number);

/// <summary>The results of a <see cref="ForwardFrame"/>.</summary>
internal enum ForwardResult : byte
{
    /// <summary>The change was made.</summary>
    Done,

    /// <summary>The presence does not exist.</summary>
    NotTracked,

    /// <summary>The session was resumed, or is over.</summary>
    Moved,
}

/// <summary>Answers a <see cref="ForwardFrame"/>.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Result">What happened.</param>
/// <param name="Entry">The new version, or the one that ended.</param>
internal sealed record ForwardedFrame(ulong Number, ForwardResult Result, PresenceEntry? Entry) : SessionFrame(Number);

/// <summary>Hands sessions over to the receiver because the sender stops.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Sessions">The sessions.</param>
internal sealed record HandOverFrame(ulong Number, IReadOnlyList<HandedSession> Sessions) : SessionFrame(Number);

/// <summary>Acknowledges a <see cref="HandOverFrame"/>.</summary>
/// <param name="Number">Number of the request.</param>
/// <param name="Heir">The replica that has the accepted sessions now.</param>
/// <param name="Accepted">For each session whether it was accepted and written.</param>
internal sealed record HandedOverFrame(ulong Number, ReplicaId Heir, IReadOnlyList<bool> Accepted)
    : SessionFrame(Number);

/// <summary>A session that is handed over, whole.</summary>
/// <param name="Stamp">Its id, new generation and grace.</param>
/// <param name="Left">How much of the grace is left.</param>
/// <param name="Presences">All its presences.</param>
internal sealed record HandedSession(
    SessionStamp Stamp, TimeSpan Left, IReadOnlyList<SessionPresence> Presences);

/// <summary>A presence of a session with its place.</summary>
/// <param name="Tracker">Name of the tracker.</param>
/// <param name="Shard">The shard on the node that has them; the reader's may be another one.</param>
/// <param name="Presence">The presence.</param>
internal readonly record struct SessionPresence(string Tracker, int Shard, AdoptedPresence Presence);
