using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Node.CountsOnly;

/// <summary>A request for a page of a counts-only topic, or its answer.</summary>
/// <param name="Number">The number of the request, from its sender.</param>
internal abstract record PageFrame(ulong Number)
{
    private const byte Version = 1;
    private const byte Request = 1;
    private const byte Answer = 2;

    /// <summary>Minimum size of an entry in an answer.</summary>
    private const int MinEntryBytes = 7;

    public byte[] Encode()
    {
        var to = FrameWriter.Begin();
        to.Byte(Version);
        switch (this)
        {
            case PageRequest request:
                to.Byte(Request);
                to.Number(Number);
                to.Text(request.Tracker);
                to.Text(request.Topic);
                to.Byte(request.After is null ? (byte)0 : (byte)1);
                if (request.After is not null)
                {
                    to.Text(request.After);
                }

                to.Number((ulong)request.Limit);
                break;
            case PageAnswer answer:
                to.Byte(Answer);
                to.Number(Number);
                to.Text(answer.Topic);
                to.Byte(answer.HasMore ? (byte)1 : (byte)0);
                to.Number((ulong)answer.Entries.Count);
                foreach (var entry in answer.Entries)
                {
                    Write(to, entry);
                }

                break;
        }

        return to.Finish();
    }

    /// <param name="from">The name of the sender, which owns the entries of an answer.</param>
    /// <param name="bytes">The frame.</param>
    /// <param name="limits">The limits of keys and metadata.</param>
    /// <exception cref="ShardFrameException">The bytes are not a frame.</exception>
    public static PageFrame Decode(string from, ReadOnlySpan<byte> bytes, PresenceLimits limits)
    {
        // Topics are read as keys. One of any length: an unknown one matches nothing.
        var reader = new FrameReader(bytes, [], new PresenceLimits
        {
            MaxKeyBytes = int.MaxValue,
            MaxMetaBytes = limits.MaxMetaBytes,
        });
        if (reader.Byte() != Version)
        {
            throw new ShardFrameException("Unknown version of a page.");
        }

        var (kind, number) = (reader.Byte(), reader.Number());
        PageFrame frame = kind switch
        {
            Request => ReadRequest(ref reader, number),
            Answer => ReadAnswer(ref reader, number, from, limits),
            _ => throw new ShardFrameException($"The frame of a page has kind {kind}, which is not supported."),
        };
        reader.Finish();
        return frame;
    }

    private static PageRequest ReadRequest(ref FrameReader from, ulong number)
    {
        var (tracker, topic) = (from.Key(), from.Key());
        var after = from.Byte() == 1 ? from.Key() : null;
        return new PageRequest(number, tracker, topic, after, (int)Math.Min(from.Number(), int.MaxValue));
    }

    private static PageAnswer ReadAnswer(ref FrameReader from, ulong number, string node, PresenceLimits limits)
    {
        var topic = from.Key();
        var hasMore = from.Byte() == 1;
        var entries = new PresenceEntry[from.Count(MinEntryBytes)];
        for (var i = 0; i < entries.Length; i++)
        {
            var entry = entries[i] = Read(ref from, node, topic);
            if (StrictUtf8.SizeOf(entry.Key, nameof(entry.Key)) > limits.MaxKeyBytes
                || (i > 0 && string.CompareOrdinal(entries[i - 1].Key, entry.Key) > 0))
            {
                throw new ShardFrameException("The keys of a page are too large, or not in order.");
            }
        }

        return hasMore && entries.Length == 0
            ? throw new ShardFrameException("A page has no keys and is not the last.")
            : new PageAnswer(number, topic, entries, hasMore);
    }

    private static void Write(FrameWriter to, PresenceEntry entry)
    {
        to.Number(entry.Owner.Incarnation);
        to.Number(entry.Sequence);
        to.Number(entry.CreatedSequence);
        to.Number(entry.Previous);
        to.Number(entry.Process);
        to.Text(entry.Key);
        to.Bytes(entry.Meta.Utf8.Span);
    }

    private static PresenceEntry Read(ref FrameReader from, string node, string topic)
    {
        var owner = new ReplicaId(node, from.Number());
        return new PresenceEntry(
            owner, from.Number(), from.Number(), from.Number(), from.Number(), topic, from.Key(), from.Meta());
    }
}

/// <summary>Requests an owner's part of a page.</summary>
/// <param name="Number">The number of the request.</param>
/// <param name="Tracker">The tracker.</param>
/// <param name="Topic">The topic.</param>
/// <param name="After">The last key of the page before; null: from the first.</param>
/// <param name="Limit">Maximum number of keys.</param>
internal sealed record PageRequest(ulong Number, string Tracker, string Topic, string? After, int Limit)
    : PageFrame(Number);

/// <summary>An owner's part of a page.</summary>
/// <param name="Number">The number of the request.</param>
/// <param name="Topic">The topic.</param>
/// <param name="Entries">Its presences of whole keys, in key order.</param>
/// <param name="HasMore">Whether it has presences of later keys.</param>
internal sealed record PageAnswer(ulong Number, string Topic, IReadOnlyList<PresenceEntry> Entries, bool HasMore)
    : PageFrame(Number);
