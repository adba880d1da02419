using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// Who applies every change to what was listed before has exactly what is listed after, at every step: no second join, no
/// leave or update without a join, and each change names what was shown last.
/// </summary>
internal sealed class EventsReplayToTheList(SimulatedCluster cluster) : Invariant(cluster)
{
    private const int StepsBetweenFullComparisons = 64;
    private int _steps;

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var error in member.ReplayErrors)
        {
            Violated(member, error);
        }

        string? last = null;
        foreach (var change in effects.Changes)
        {
            if (!string.Equals(change.Entry.Topic, last, StringComparison.Ordinal))
            {
                last = change.Entry.Topic;
                Compare(member, last);
            }
        }

        if (member.Index.Count != member.Shown.Count)
        {
            Violated(member, $"after {cause} {member.Index.Count} are listed; the changes give {member.Shown.Count}");
        }

        if (++_steps % StepsBetweenFullComparisons == 0)
        {
            CompareAll(member);
        }
    }

    public override void Settled()
    {
        foreach (var member in Cluster.Members)
        {
            CompareAll(member);
            CompareKeys(member);
        }
    }

    /// <summary>What is found by key is what is listed.</summary>
    private void CompareKeys(SimulatedMember member)
    {
        foreach (var byKey in member.Shown.Entries.GroupBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var topics = byKey.Select(entry => entry.Topic).Distinct().Order(StringComparer.Ordinal);
            if (!topics.SequenceEqual(member.Index.TopicsOf(byKey.Key)))
            {
                Violated(member, $"{byKey.Key} is found in {string.Join(' ', member.Index.TopicsOf(byKey.Key))}");
            }

            foreach (var inTopic in byKey.GroupBy(entry => entry.Topic, StringComparer.Ordinal))
            {
                var found = member.List(inTopic.Key).GetByKey(byKey.Key);
                if (found.Count != inTopic.Count())
                {
                    Violated(member, $"{inTopic.Key}/{byKey.Key} finds {found.Count}; the changes give {inTopic.Count()}");
                }
            }
        }

        foreach (var topic in member.Index.Topics(null, 1000))
        {
            var keys = member.Shown.Entries.Where(entry => entry.Topic == topic.Topic).Select(entry => entry.Key).Distinct().Count();
            if (keys != topic.KeyCount || keys != member.List(topic.Topic).KeyCount)
            {
                Violated(member, $"{topic.Topic} counts {topic.KeyCount} keys; the changes give {keys}");
            }
        }
    }

    private void CompareAll(SimulatedMember member)
    {
        foreach (var topic in member.Shown.Topics)
        {
            Compare(member, topic);
        }

        var topics = member.Index.Topics(null, 1000);
        var counted = topics.Sum(topic => topic.Count);
        if (counted != member.Shown.Count || topics.Any(topic => member.Shown.CountOf(topic.Topic) != topic.Count))
        {
            Violated(member, $"the topics hold {counted}; the changes give {member.Shown.Count}");
        }
    }

    private void Compare(SimulatedMember member, string topic)
    {
        var listed = member.List(topic);
        var expected = member.Shown.CountOf(topic);
        if (listed.Count != expected)
        {
            Violated(member, $"{topic} lists {listed.Count}; the changes give {expected}");
            return;
        }

        foreach (var entry in listed)
        {
            if (member.Shown.Find(PresenceId.Of(entry))?.Sequence != entry.Sequence)
            {
                Violated(member, $"{topic} lists {entry}; the changes give {member.Shown.Find(PresenceId.Of(entry))}");
            }
        }
    }
}
