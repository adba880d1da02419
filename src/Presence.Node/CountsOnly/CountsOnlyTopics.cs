using Presence.Node.Shards;
using Presence.Node.Trackers;
using Presence.Tracker;
using Presence.Tracker.Counts;

namespace Presence.Node.CountsOnly;

/// <summary>
/// The counts-only topics of a tracker: presences are in shards of this node that have no peers, and one more
/// replicated shard has a summary of each topic and node.
/// </summary>
/// <remarks>
/// In the shard of the summaries, the key of a presence is the name of the node that wrote it, its only writer. So they
/// end with their node, are repaired like any presence, and no application sees them.
/// </remarks>
/// <param name="tracker">Name of the tracker.</param>
/// <param name="node">Name of this node.</param>
/// <param name="hosts">The shards of this node's presences, as many as the tracker has.</param>
/// <param name="summaries">The shard of the summaries.</param>
/// <param name="reader">Reads summaries.</param>
internal sealed class CountsOnlyTopics(
    string tracker, string node, ShardHost[] hosts, ShardHost summaries, SummaryReader reader)
{
    /// <summary>Gets the name under which sessions know the shards of a tracker's counts-only topics.</summary>
    public string Name { get; } = NameOf(tracker);

    /// <summary>Gets the shards of this node's presences.</summary>
    public ShardHost[] Hosts => hosts;

    /// <summary>Gets the shard of the summaries.</summary>
    public ShardHost Summaries => summaries;

    /// <summary>Returns <see cref="Name"/>, which no tracker of an application may have.</summary>
    public static string NameOf(string tracker) => tracker + "#local";

    /// <summary>Returns the channel of a tracker's summaries, which no tracker of an application may have.</summary>
    public static string ChannelOf(string tracker) => tracker + "#counts";

    /// <summary>Returns whether the presences of sessions under a name do not leave their node.</summary>
    public static bool IsLocal(string name) => name.EndsWith("#local", StringComparison.Ordinal);

    /// <summary>Returns the limits of summaries.</summary>
    public static PresenceLimits LimitsOf(PresenceLimits limits) => new()
    {
        MaxTopicBytes = limits.MaxTopicBytes,
        MaxMetaBytes = TopicSummary.MaxBytes,
    };

    /// <summary>Returns the shard with this node's presences of a topic.</summary>
    public ShardHost HostOf(string topic) => PresenceTracker.HostOf(hosts, topic);

    /// <summary>Returns this node's presences of a topic.</summary>
    public TopicSnapshot LocalOf(string topic) => HostOf(topic).Shard.Index.List(topic);

    /// <summary>Returns the other nodes that have presences of a topic, as far as this node knows.</summary>
    public IReadOnlyList<string> OtherOwners(string topic) =>
        [.. summaries.Shard.Index.List(topic).Select(entry => entry.Key).Where(IsOther).Distinct()];

    /// <summary>
    /// Counts the presences of this node, and those of the others by their summaries. The keys are exact if one node
    /// has all of them; otherwise an estimate, equal on all nodes when they have the same summaries.
    /// </summary>
    public TopicCount CountOf(string topic)
    {
        var local = HostOf(topic).Shard.Index.CountsOf(topic);
        var owners = reader.Read(summaries.Shard.Index.List(topic));
        long count = local.Count;
        var hasOthers = false;
        foreach (var owner in owners.Nodes)
        {
            if (IsOther(owner.Node))
            {
                count += owner.Summary.Count;
                hasOthers = true;
            }
        }

        // What this node has and has not sent yet is in the first number at once, and in the second with its summary.
        var keys = hasOthers ? Math.Max(owners.Keys, local.KeyCount) : local.KeyCount;
        var all = (int)Math.Min(count, int.MaxValue);
        return new TopicCount(topic, all, Math.Min(keys, all));
    }

    /// <summary>Returns the topics that have presences, as <see cref="IPresenceTracker.Topics"/> does.</summary>
    public IEnumerable<TopicCount> Topics(string? after, int limit) => hosts
        .Append(summaries)
        .SelectMany(host => host.Shard.Index.Topics(after, limit))
        .Select(topic => topic.Topic)
        .Distinct(StringComparer.Ordinal)
        .Order(StringComparer.Ordinal)
        .Take(limit)
        .Select(CountOf)
        .Where(topic => topic.Count > 0);

    /// <summary>Calls back when the counts of a topic may have changed, one call at a time.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="onCounts">
    /// Receives this node's presences with the counts of all nodes. Called on the thread pool, with no shard locked.
    /// </param>
    public CountsSubscription Subscribe(string topic, Action<TopicSnapshot> onCounts)
    {
        var gate = new Lock();
        var local = Follow(HostOf(topic), topic, OnDiff);
        var others = Follow(summaries, topic, OnDiff);
        return new CountsSubscription(CountedOf(topic), () =>
        {
            local();
            others();
        });

        void OnDiff(TopicDiff diff)
        {
            // Read inside the lock: otherwise older counts could follow newer ones.
            lock (gate)
            {
                onCounts(CountedOf(topic));
            }
        }
    }

    /// <summary>Returns this node's presences of a topic with the counts of all nodes.</summary>
    public TopicSnapshot CountedOf(string topic)
    {
        var local = LocalOf(topic);
        var counts = CountOf(topic);
        return local.WithCounts(counts.Count, counts.KeyCount);
    }

    /// <summary>Returns the number of topics that have presences on any node.</summary>
    public int CountTopics() => hosts.Append(summaries)
        .SelectMany(host => host.Shard.Index.Topics(null, int.MaxValue))
        .Select(topic => topic.Topic).Distinct(StringComparer.Ordinal).Count();

    private bool IsOther(string owner) => !string.Equals(owner, node, StringComparison.Ordinal);

    private static Action Follow(ShardHost host, string topic, Action<TopicDiff> onDiff)
    {
        var subscriber = new DiffSubscriber(onDiff);
        host.WithLock(() =>
        {
            host.Output.Add(topic, subscriber);
            return true;
        });
        return () =>
        {
            host.Output.Dispatcher.Remove(subscriber);
            host.Post(new ActionCommand((h, _, _) => h.Output.Remove(topic, subscriber)), always: true);
        };
    }
}

/// <summary>A subscription to the counts of a counts-only topic.</summary>
/// <param name="counted">The presences of this node, with the counts of all nodes.</param>
/// <param name="unsubscribe">Ends it.</param>
internal sealed class CountsSubscription(TopicSnapshot counted, Action unsubscribe) : IDisposable
{
    private Action? _unsubscribe = unsubscribe;

    public TopicSnapshot Counted => counted;

    public void Dispose() => Interlocked.Exchange(ref _unsubscribe, null)?.Invoke();
}
