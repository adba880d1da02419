using Presence.TestKit.Cluster;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// At every step, applying the changes to the previous list gives exactly the new list: no second join, no leave or
/// update without a join, and each change names the version shown last.
/// </summary>
internal sealed class EventsReplayToTheList(SimulatedCluster cluster) : Invariant(cluster)
{
    private const int StepsBetweenFullComparisons = 64;
    private int _steps;

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var error in node.ReplayErrors)
        {
            Violated(node, error);
        }

        string? last = null;
        foreach (var change in effects.Changes)
        {
            if (!string.Equals(change.Entry.Topic, last, StringComparison.Ordinal))
            {
                last = change.Entry.Topic;
                Compare(node, last);
            }
        }

        if (node.EntryCount != node.Shown.Count)
        {
            Violated(node, $"after {cause} {node.EntryCount} are listed; the changes give {node.Shown.Count}");
        }

        if (++_steps % StepsBetweenFullComparisons == 0)
        {
            CompareAll(node);
        }
    }

    public override void Settled()
    {
        foreach (var node in Cluster.Nodes)
        {
            CompareAll(node);
            CompareKeys(node);
        }
    }

    /// <summary>Checks that lookups by key agree with the lists.</summary>
    private void CompareKeys(SimulatedNode node)
    {
        foreach (var byKey in node.Shown.Entries.GroupBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var topics = byKey.Select(entry => entry.Topic).Distinct().Order(StringComparer.Ordinal);
            if (!topics.SequenceEqual(node.TopicsOf(byKey.Key)))
            {
                Violated(node, $"{byKey.Key} is found in {string.Join(' ', node.TopicsOf(byKey.Key))}");
            }

            foreach (var inTopic in byKey.GroupBy(entry => entry.Topic, StringComparer.Ordinal))
            {
                var found = node.List(inTopic.Key).GetByKey(byKey.Key);
                if (found.Count != inTopic.Count())
                {
                    Violated(node, $"{inTopic.Key}/{byKey.Key} finds {found.Count}, the changes {inTopic.Count()}");
                }
            }
        }

        foreach (var topic in node.Topics())
        {
            var shown = node.Shown.Entries.Where(entry => entry.Topic == topic.Topic);
            var keys = shown.Select(entry => entry.Key).Distinct().Count();
            if (keys != topic.KeyCount || keys != node.List(topic.Topic).KeyCount)
            {
                Violated(node, $"{topic.Topic} counts {topic.KeyCount} keys; the changes give {keys}");
            }
        }
    }

    private void CompareAll(SimulatedNode node)
    {
        foreach (var topic in node.Shown.Topics)
        {
            Compare(node, topic);
        }

        var topics = node.Topics();
        var counted = topics.Sum(topic => topic.Count);
        if (counted != node.Shown.Count || topics.Any(topic => node.Shown.CountOf(topic.Topic) != topic.Count))
        {
            Violated(node, $"the topics hold {counted}; the changes give {node.Shown.Count}");
        }
    }

    private void Compare(SimulatedNode node, string topic)
    {
        var listed = node.List(topic);
        var expected = node.Shown.CountOf(topic);
        if (listed.Count != expected)
        {
            Violated(node, $"{topic} lists {listed.Count}; the changes give {expected}");
            return;
        }

        foreach (var entry in listed)
        {
            if (node.Shown.Find(PresenceId.Of(entry))?.Sequence != entry.Sequence)
            {
                Violated(node, $"{topic} lists {entry}; the changes give {node.Shown.Find(PresenceId.Of(entry))}");
            }
        }
    }
}
