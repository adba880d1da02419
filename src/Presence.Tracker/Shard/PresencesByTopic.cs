using Presence.Tracker.Entries;
using Presence.Tracker.Index;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Shard;

/// <summary>The visible presences of one shard.</summary>
/// <param name="Index">All of them.</param>
/// <param name="Sessions">Which of the entries of resumable sessions are visible.</param>
internal sealed record ShardPresences(PresenceIndex Index, SessionView Sessions);

/// <summary>Returns the shard in which the presences of a topic are visible: one, or one of a node's shards.</summary>
/// <param name="shards">All shards of the tracker, in order; or one, which then has all topics.</param>
/// <param name="used">Those that have topics here.</param>
internal sealed class PresencesByTopic(ShardPresences[] shards, ShardPresences[] used)
{
    /// <summary>Creates the presences of a shard that has all of its topics itself.</summary>
    public PresencesByTopic(ShardPresences own)
        : this([own], [own])
    {
    }

    /// <summary>Gets the indexes of all shards in use.</summary>
    public PresenceIndex[] Indexes { get; } = [.. used.Select(u => u.Index)];

    /// <summary>Returns which of a number of shards has a topic.</summary>
    public static int ShardOf(string topic, int poolSize) =>
        poolSize == 1 ? 0 : (int)(StableHash.Of(topic) % (ulong)poolSize);

    public ShardPresences Of(string topic) => shards.Length == 1 ? shards[0] : shards[ShardOf(topic, shards.Length)];

    /// <summary>Sets the time of the current input.</summary>
    public void SetNow(TimeSpan now)
    {
        foreach (var shard in used)
        {
            shard.Sessions.Now = now;
        }
    }

    /// <inheritdoc cref="SessionView.OnLostIncomplete"/>
    public void OnLostIncomplete()
    {
        foreach (var shard in used)
        {
            shard.Sessions.OnLostIncomplete();
        }
    }
}
