using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>Finds the topics with the most presences.</summary>
internal static class LargestTopics
{
    /// <summary>Topics that one request examines, in ordinal order.</summary>
    public const int MaxExamined = 200_000;

    private const int Step = 10_000;

    /// <returns>The topics, the largest first, and the number of topics that were examined.</returns>
    public static (IReadOnlyList<TopicCount> Topics, int Examined) Of(IPresenceTracker tracker, int limit)
    {
        var largest = new PriorityQueue<TopicCount, int>(limit + 1);
        var examined = 0;
        IReadOnlyList<TopicCount> page;
        string? after = null;
        do
        {
            page = tracker.Topics(after, Step);
            foreach (var topic in page)
            {
                largest.Enqueue(topic, topic.Count);
                if (largest.Count > limit)
                {
                    largest.Dequeue();
                }
            }

            examined += page.Count;
            after = page.Count == 0 ? after : page[^1].Topic;
        }
        while (page.Count == Step && examined < MaxExamined);

        var topics = largest.UnorderedItems.Select(item => item.Element)
            .OrderByDescending(topic => topic.Count).ThenBy(topic => topic.Topic, StringComparer.Ordinal);
        return ([.. topics], examined);
    }
}
