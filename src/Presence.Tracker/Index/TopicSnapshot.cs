using System.Collections;

namespace Presence.Tracker;

/// <summary>Who is present in one topic at one moment: immutable, ordered by key (ordinal), safe on any thread.</summary>
public sealed class TopicSnapshot : IReadOnlyCollection<PresenceEntry>
{
    internal TopicSnapshot(string topic, EntryTree entries)
    {
        Topic = topic;
        Entries = entries;
    }

    /// <summary>The topic.</summary>
    public string Topic { get; }

    /// <summary>Presences in the topic. A field read.</summary>
    public int Count => Entries.Count;

    /// <summary>Distinct keys in the topic. A field read.</summary>
    public int KeyCount => Entries.KeyCount;

    internal EntryTree Entries { get; }

    /// <summary>All presences under a key, oldest owner first; empty if the key is absent.</summary>
    public IReadOnlyList<PresenceEntry> GetByKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        return Entries.GetByKey(key);
    }

    /// <summary>The presences of up to <paramref name="limit"/> keys after <paramref name="after"/>, in key order.</summary>
    /// <param name="after">The last key of the previous page, or null for the first page.</param>
    /// <param name="limit">Keys on the page, at least 1.</param>
    public PresencePage Page(string? after, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        return Entries.Page(after, limit);
    }

    /// <summary>Enumerates the presences in key order.</summary>
    public Enumerator GetEnumerator() => new(Entries.GetEnumerator());

    IEnumerator<PresenceEntry> IEnumerable<PresenceEntry>.GetEnumerator() => Enumerate();

    IEnumerator IEnumerable.GetEnumerator() => Enumerate();

    private IEnumerator<PresenceEntry> Enumerate()
    {
        var at = Entries.GetEnumerator();
        while (at.MoveNext())
        {
            yield return at.Current;
        }
    }

    /// <summary>Enumerates a snapshot without allocating per presence.</summary>
    public struct Enumerator
    {
        private PersistentTree<PresenceEntry>.Enumerator _at;

        internal Enumerator(PersistentTree<PresenceEntry>.Enumerator at) => _at = at;

        /// <summary>The presence the enumerator stands on.</summary>
        public readonly PresenceEntry Current => _at.Current;

        /// <summary>Steps to the next presence; false behind the last.</summary>
        public bool MoveNext() => _at.MoveNext();
    }
}

/// <summary>One page of a topic.</summary>
/// <param name="Entries">Whole keys only, in key order.</param>
/// <param name="Next">Give this as <c>after</c> to get the next page; null on the last.</param>
public sealed record PresencePage(IReadOnlyList<PresenceEntry> Entries, string? Next);

/// <summary>Counts of one topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Count">Presences in it.</param>
/// <param name="KeyCount">Distinct keys in it.</param>
public readonly record struct TopicCount(string Topic, int Count, int KeyCount);
