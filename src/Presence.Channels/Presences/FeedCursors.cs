using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;
using Presence.Tracker.Cursors;

namespace Presence.Channels.Presences;

/// <summary>The cursor of a feed, and what the holders of earlier cursors have missed. Not thread-safe.</summary>
internal sealed class FeedCursors(PresenceSet shown)
{
    /// <summary>Maximum number of cursors whose answers are kept until the next change.</summary>
    private const int MaxKept = 256;

    /// <summary>With fewer changes it is not checked whether the state is smaller.</summary>
    private const int MinChanges = 16;

    private readonly Dictionary<string, MissedChanges?> _missed = new(StringComparer.Ordinal);
    private SharedPayload? _message;
    private string? _text;

    /// <summary>Gets the cursor of the presences; null if they are of too many nodes.</summary>
    public string? Text => _message is null ? _text = TopicCursor.Of(shown.Digest)?.Text : _text;

    /// <summary>Gets the payload of <c>presence_cursor</c>.</summary>
    public SharedPayload Message => _message ??= new SharedPayload(PresencePayloads.Cursor(Text));

    /// <summary>Discards the answers after a change.</summary>
    public void Reset()
    {
        _message = null;
        Forget();
    }

    /// <summary>Forgets the answers, whose fetched fields are for one message only.</summary>
    public void Forget() => _missed.Clear();

    /// <summary>Bounds what is kept. Call before a message, and not while cursors of it are looked up.</summary>
    public void Trim()
    {
        if (_missed.Count >= MaxKept)
        {
            Forget();
        }
    }

    /// <summary>Finds what the holder of a cursor has missed; later calls return the same.</summary>
    public void Find(TopicCursor cursor, TopicSubscription feed, long version)
    {
        if (_missed.ContainsKey(cursor.Text))
        {
            return;
        }

        var changes = feed.Missed(cursor, shown.Digest, version);
        var isSmall = changes?.Count <= Math.Max(MinChanges, shown.Current.KeyCount);
        _missed.Add(cursor.Text, isSmall ? new MissedChanges(changes!) : null);
    }

    /// <returns>Whether <see cref="Find"/> was called; then null means that the state is needed.</returns>
    public bool TryGet(TopicCursor cursor, out MissedChanges? missed) => _missed.TryGetValue(cursor.Text, out missed);

    public IEnumerable<PresenceChange> AllMissed() =>
        _missed.Values.SelectMany(missed => missed is { Payload: null } ? missed.Changes : []);
}

/// <summary>What the holders of one cursor have missed, encoded once.</summary>
internal sealed class MissedChanges(IReadOnlyList<PresenceChange> changes)
{
    public IReadOnlyList<PresenceChange> Changes => changes;

    public SharedPayload? Payload { get; private set; }

    public SharedPayload Encode(IReadOnlyDictionary<string, byte[]>? fields, string? cursor) =>
        Payload ??= new SharedPayload(PresencePayloads.WithCursor(PresencePayloads.Diff(changes, fields), cursor));
}
