using Presence.Node;

namespace Presence.Dashboard.Api;

/// <summary>
/// Counts the different keys of all topics: somebody who is in many topics counts once. Those of counts-only topics are
/// not known.
/// </summary>
internal static class DifferentKeys
{
    /// <summary>Presences that one request examines, rounded up to the last page.</summary>
    public const int MaxExamined = 200_000;

    private const int Step = 1000;

    /// <returns>The number of different keys, of presences that were examined, and whether these are all.</returns>
    public static (int Keys, int Examined, bool IsComplete) Of(IPresenceTracker tracker)
    {
        var keys = new HashSet<string>(StringComparer.Ordinal);
        var (examined, hasAll) = (0, true);
        string? after = null;
        while (tracker.Topics(after, Step) is { Count: > 0 } topics)
        {
            foreach (var topic in topics)
            {
                if (tracker.AdaptiveOf(topic.Topic) is { IsCountsOnly: true })
                {
                    hasAll = false;
                    continue;
                }

                var snapshot = tracker.List(topic.Topic);
                string? from = null;
                do
                {
                    if (examined >= MaxExamined)
                    {
                        return (keys.Count, examined, false);
                    }

                    var page = snapshot.Page(from, Step);
                    keys.UnionWith(page.Entries.Select(entry => entry.Key));
                    examined += page.Entries.Count;
                    from = page.Next;
                }
                while (from is not null);
            }

            after = topics[^1].Topic;
        }

        return (keys.Count, examined, hasAll);
    }
}
