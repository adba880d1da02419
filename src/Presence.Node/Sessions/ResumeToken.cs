using System.Diagnostics.CodeAnalysis;
using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;
using Presence.Tracker.Wire;

namespace Presence.Node;

/// <summary>
/// Names a resumable session, its generation and its owner, for <see cref="IPresenceNode.ResumeAsync"/>. Each resume
/// gives a new one. Whoever has it can take over the session: protect it before it leaves the server.
/// </summary>
public sealed record ResumeToken
{
    private const byte Version = 1;

    /// <summary>
    /// More often than any client resumes, and far from where numbers end: a session continues with the next one.
    /// </summary>
    private const uint MaxResumes = 1 << 30;

    internal ResumeToken(SessionId session, Generation generation, ReplicaId owner, uint attachment = 0)
    {
        Session = session;
        Generation = generation;
        Owner = owner;
        Attachment = attachment;
    }

    internal SessionId Session { get; }

    internal Generation Generation { get; }

    internal ReplicaId Owner { get; }

    /// <summary>Gets the number of the connection among those that the owner has had in this generation.</summary>
    internal uint Attachment { get; }

    /// <summary>Returns whether the token of the connection is an earlier one than this.</summary>
    internal bool IsAfter(Generation generation, uint attachment) =>
        generation < Generation || (generation == Generation && attachment < Attachment);

    /// <summary>Returns the token as bytes, at most 300; not encrypted and not signed.</summary>
    public byte[] ToBytes()
    {
        var to = FrameWriter.Begin();
        to.Byte(Version);
        SessionCodec.WriteId(to, Session);
        SessionCodec.WriteGeneration(to, Generation);
        to.Replica(Owner);
        to.Number(Attachment);
        return to.Finish();
    }

    /// <summary>Reads a token of <see cref="ToBytes"/>.</summary>
    /// <returns>False if the bytes are not one.</returns>
    public static bool TryParse(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ResumeToken? token)
    {
        token = null;
        var from = new FrameReader(bytes, [], new PresenceLimits());
        try
        {
            if (from.Byte() != Version)
            {
                return false;
            }

            var read = new ResumeToken(
                SessionCodec.ReadId(ref from), SessionCodec.ReadGeneration(ref from), from.Replica(),
                checked((uint)from.Number()));
            token = from.AtEnd && read.Generation.Resumes <= MaxResumes ? read : null;
        }
        catch (Exception e) when (e is ShardFrameException or OverflowException or ArgumentException)
        {
            // Not a token.
        }

        return token is not null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Session} {Generation}#{Attachment} at {Owner}";
}
