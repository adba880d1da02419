using System.Collections.Concurrent;
using Presence.Node.Security;
using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>Lists that are read in pages, each as it was when the first page was returned.</summary>
/// <remarks>
/// A list costs the memory of the changes since its first page, because versions of a topic share their unchanged
/// parts. It expires <see cref="Expiry"/> after its last request, or when <see cref="MaxLists"/> newer ones were begun.
/// </remarks>
internal sealed class PagedLists(TimeProvider time)
{
    public const int PageSize = 5000;
    public const int MaxLists = 4096;
    public static readonly TimeSpan Expiry = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, PagedList> _lists = new(StringComparer.Ordinal);

    public int Count => _lists.Count;

    /// <summary>Returns the first page, and the id of the list if there are more pages.</summary>
    /// <param name="snapshot">The presences.</param>
    /// <param name="includes">Whether the list includes a presence; null for all.</param>
    public (PresenceEntry[] First, string? List) Begin(
        TopicSnapshot snapshot, Func<PresenceEntry, bool>? includes = null)
    {
        if (snapshot.Count <= PageSize)
        {
            return ([.. includes is null ? snapshot : snapshot.Where(includes)], null);
        }

        var list = new PagedList(snapshot, includes, time.GetTimestamp());
        var first = list.Page(0)!;
        if (!list.HasPage(1))
        {
            return (first, null);
        }

        RemoveExpired();
        var id = RandomIds.NextText();
        _lists[id] = list;
        return (first, id);
    }

    /// <summary>Returns a page and whether another follows; null if the list has expired.</summary>
    public (string Topic, PresenceEntry[] Page, bool HasNext)? Page(string id, int page)
    {
        if (!_lists.TryGetValue(id, out var list) || page < 1 || time.GetElapsedTime(list.Used) > Expiry)
        {
            return null;
        }

        list.Used = time.GetTimestamp();
        return list.Page(page) is { } entries ? (list.Topic, entries, list.HasPage(page + 1)) : null;
    }

    private void RemoveExpired()
    {
        foreach (var (id, list) in _lists)
        {
            if (time.GetElapsedTime(list.Used) > Expiry)
            {
                _lists.TryRemove(id, out _);
            }
        }

        while (_lists.Count >= MaxLists)
        {
            _lists.TryRemove(_lists.MinBy(l => l.Value.Used).Key, out _);
        }
    }

    private sealed class PagedList(TopicSnapshot snapshot, Func<PresenceEntry, bool>? includes, long used)
    {
        // The first entry of each page up to the one after the last that was read; null after the last page.
        private readonly List<PresenceEntry?> _starts = [];
        private long _used = used;

        public string Topic => snapshot.Topic;

        public long Used
        {
            get => Volatile.Read(ref _used);
            set => Volatile.Write(ref _used, value);
        }

        public bool HasPage(int page)
        {
            lock (_starts)
            {
                return page < _starts.Count && _starts[page] is not null;
            }
        }

        /// <summary>Returns a page; null if there is none, or the page before it was not read.</summary>
        public PresenceEntry[]? Page(int page)
        {
            lock (_starts)
            {
                var start = page > 0 && page < _starts.Count ? _starts[page] : null;
                if (page > 0 && start is null)
                {
                    return null;
                }

                var entries = new List<PresenceEntry>(PageSize);
                PresenceEntry? next = null;
                foreach (var entry in snapshot.From(start).Where(e => includes?.Invoke(e) ?? true))
                {
                    if (entries.Count == PageSize)
                    {
                        next = entry;
                        break;
                    }

                    entries.Add(entry);
                }

                if (_starts.Count <= page + 1)
                {
                    _starts.AddRange(_starts.Count == 0 ? [entries.FirstOrDefault(), next] : [next]);
                }

                return [.. entries];
            }
        }
    }
}
