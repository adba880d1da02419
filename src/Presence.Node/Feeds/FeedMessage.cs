using Presence.Tracker;
using Presence.Tracker.Cursors;
using Presence.Tracker.Entries;

namespace Presence.Node.Feeds;

/// <summary>What a <see cref="ChangeFeed"/> gives all its readers, encoded once per encoding.</summary>
/// <param name="topic">The topic.</param>
/// <param name="cursor">The position after this message.</param>
internal abstract class FeedMessage(string topic, FeedCursor cursor)
{
    private readonly Lock _gate = new();

    private WeakReference<Dictionary<Type, object>>? _encoded;
    private Dictionary<Type, object>? _kept;
    private bool _isReleased;

    public string Topic { get; } = topic;

    public FeedCursor Cursor { get; } = cursor;

    /// <summary>
    /// Returns the encoding of one type, which the first caller creates; after <see cref="Release"/> a later one may
    /// create it again.
    /// </summary>
    public T Encoded<T>(Func<FeedMessage, T> encode)
        where T : class
    {
        lock (_gate)
        {
            if (_encoded is null || !_encoded.TryGetTarget(out var encodings))
            {
                _encoded = new(encodings = []);
                _kept = _isReleased ? null : encodings;
            }

            if (!encodings.TryGetValue(typeof(T), out var encoded))
            {
                encodings.Add(typeof(T), encoded = encode(this));
            }

            return (T)encoded;
        }
    }

    /// <summary>
    /// Lets the collector take the encodings, which are larger than what they were made of. Readers that come later, or
    /// are late, are few.
    /// </summary>
    public void Release()
    {
        lock (_gate)
        {
            (_kept, _isReleased) = (null, true);
        }
    }
}

/// <summary>All presences of the topic.</summary>
internal sealed class FeedState(string topic, FeedCursor cursor, TopicSnapshot presences) : FeedMessage(topic, cursor)
{
    public TopicSnapshot Presences { get; } = presences;
}

/// <summary>The changes since the message before.</summary>
internal sealed class FeedDiff(string topic, FeedCursor cursor, IReadOnlyList<PresenceChange> changes)
    : FeedMessage(topic, cursor)
{
    public IReadOnlyList<PresenceChange> Changes { get; } = changes;

    /// <summary>Marks net changes that make a key present or absent, of which the topic after them is known.</summary>
    public static IReadOnlyList<PresenceChange> Mark(IReadOnlyList<PresenceChange> changes, TopicSnapshot after)
    {
        var marked = changes.Select(c => c with { ChangesKey = false }).ToList();
        var keys = new KeyMarks();
        foreach (var key in changes.GroupBy(c => c.Entry.Key, StringComparer.Ordinal))
        {
            var now = after.GetByKey(key.Key).Count;
            var before = now - key.Count(c => c.Kind == PresenceChangeKind.Joined)
                + key.Count(c => c.Kind == PresenceChangeKind.Left);
            if ((now > 0) != (before > 0))
            {
                keys.Add(key.First().Entry, now > 0);
            }
        }

        keys.Mark(marked);
        return marked;
    }
}

/// <summary>How many presences the topic has, which is too large to be sent.</summary>
/// <param name="topic">The topic.</param>
/// <param name="cursor">The position after this message.</param>
/// <param name="presences">The topic.</param>
/// <param name="sample">Some of its presences.</param>
/// <param name="hasSample">Whether readers need the sample; otherwise they have it.</param>
/// <param name="at">When it was counted.</param>
internal sealed class FeedCounts(
    string topic,
    FeedCursor cursor,
    TopicSnapshot presences,
    IReadOnlyList<PresenceEntry> sample,
    bool hasSample,
    DateTimeOffset at)
    : FeedMessage(topic, cursor)
{
    public TopicSnapshot Presences { get; } = presences;

    public IReadOnlyList<PresenceEntry> Sample { get; } = sample;

    public bool HasSample { get; } = hasSample;

    public DateTimeOffset At { get; } = at;

    /// <summary>Gets whether it has the numbers of the message before. For readers that need the sample.</summary>
    public bool IsRepeat { get; init; }
}

/// <summary>Comes before the first counts, and before the members that end them. Has no position of its own.</summary>
/// <param name="topic">The topic.</param>
/// <param name="isCounting">Whether counts follow.</param>
internal sealed class FeedMode(string topic, bool isCounting) : FeedMessage(topic, default)
{
    public bool IsCounting { get; } = isCounting;

    /// <summary>Gets the name of the mode in messages.</summary>
    public string Name => IsCounting ? "counts" : "members";
}

/// <summary>A position in a feed.</summary>
/// <param name="Feed">Id of the feed, random: it is of one process.</param>
/// <param name="Sequence">Number of the last message received.</param>
/// <param name="Digest">The <see cref="TopicCursor"/> after it, for other processes; null if it is long.</param>
internal readonly record struct FeedCursor(ulong Feed, long Sequence, string? Digest = null)
{
    /// <summary>Maximum length of the digest, which every event has; enough for 16 nodes.</summary>
    public const int MaxDigest = 200;

    private const int FeedDigits = 16;
    private const int MaxSequenceDigits = 15;
    private const char Separator = '.';

    public override string ToString() =>
        Digest is null ? $"{Feed:x16}{Sequence:x}" : $"{Feed:x16}{Sequence:x}{Separator}{Digest}";

    public static bool TryParse(string? text, out FeedCursor cursor)
    {
        cursor = default;
        const System.Globalization.NumberStyles Hex = System.Globalization.NumberStyles.AllowHexSpecifier;
        var end = text?.IndexOf(Separator) is { } at and >= 0 ? at : text?.Length ?? 0;
        if (end is not (> FeedDigits and <= FeedDigits + MaxSequenceDigits)
            || text!.Length - end - 1 > MaxDigest
            || !ulong.TryParse(text.AsSpan(0, FeedDigits), Hex, null, out var feed)
            || !long.TryParse(text.AsSpan(FeedDigits, end - FeedDigits), Hex, null, out var sequence))
        {
            return false;
        }

        cursor = new FeedCursor(feed, sequence, end < text.Length ? text[(end + 1)..] : null);
        return true;
    }
}
