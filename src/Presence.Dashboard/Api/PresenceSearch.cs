using System.Text;
using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary>Finds presences by a part of their key or metadata, in bounded steps.</summary>
internal static class PresenceSearch
{
    /// <summary>Presences that one request looks at. Behind them <c>next</c> says where to go on, also if nothing was found.</summary>
    public const int MaxLookedAt = 20_000;

    private const int Step = 500;

    /// <param name="snapshot">Where to look.</param>
    /// <param name="text">What to find, whatever the case of its letters.</param>
    /// <param name="after">The key behind which to begin, or null.</param>
    /// <param name="limit">Keys to find at most.</param>
    public static PresencePage Find(TopicSnapshot snapshot, string text, string? after, int limit)
    {
        var found = new List<PresenceEntry>();
        var (keys, lookedAt) = (0, 0);
        while (true)
        {
            var page = snapshot.Page(after, Step);
            foreach (var entries in page.Entries.GroupBy(entry => entry.Key, StringComparer.Ordinal))
            {
                after = entries.Key;
                lookedAt += entries.Count();
                if (entries.Any(entry => Matches(entry, text)))
                {
                    found.AddRange(entries);
                    keys++;
                }

                if (keys == limit || lookedAt >= MaxLookedAt)
                {
                    var isLast = page.Next is null && entries.Key == page.Entries[^1].Key;
                    return new PresencePage(found, isLast ? null : after);
                }
            }

            if (page.Next is null)
            {
                return new PresencePage(found, null);
            }

            after = page.Next;
        }
    }

    private static bool Matches(PresenceEntry entry, string text) =>
        entry.Key.Contains(text, StringComparison.OrdinalIgnoreCase)
        || Encoding.UTF8.GetString(entry.Meta.Utf8.Span).Contains(text, StringComparison.OrdinalIgnoreCase);
}
