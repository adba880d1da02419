using System.Text;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>Finds presences by a part of their key or metadata, without regard to case.</summary>
internal static class PresenceSearch
{
    /// <summary>Presences that one request examines; <c>next</c> continues after them.</summary>
    public const int MaxExamined = 20_000;

    private const int Step = 500;

    public static PresencePage Find(TopicSnapshot snapshot, string text, string? after, int limit)
    {
        var found = new List<PresenceEntry>();
        var (keys, examined) = (0, 0);
        while (true)
        {
            var page = snapshot.Page(after, Step);
            foreach (var entries in page.Entries.GroupBy(entry => entry.Key, StringComparer.Ordinal))
            {
                after = entries.Key;
                examined += entries.Count();
                if (entries.Any(entry => Matches(entry, text)))
                {
                    found.AddRange(entries);
                    keys++;
                }

                if (keys == limit || examined >= MaxExamined)
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
