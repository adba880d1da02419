using Presence.Node.Shards;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.Node.Trackers;

/// <summary>Changes presences in several shards: all of them or none.</summary>
internal static class BulkCommand
{
    /// <summary>Locks the shards of the requests, checks all requests, and then applies them.</summary>
    /// <param name="all">All shards; they are locked in this order.</param>
    /// <param name="hostOf">Returns the shard of a topic.</param>
    /// <param name="requests">The requests.</param>
    /// <param name="check">Throws if the requests cannot be applied to a shard.</param>
    /// <param name="apply">Applies the requests of a shard, in order.</param>
    /// <returns>The entries in the order of the requests.</returns>
    public static ValueTask<IReadOnlyList<PresenceEntry>> Execute(
        ShardHost[] all,
        Func<string, ShardHost> hostOf,
        IReadOnlyList<TrackRequest> requests,
        Action<TrackerShard, IReadOnlyList<TrackRequest>> check,
        Func<ShardHost, IReadOnlyList<TrackRequest>, IReadOnlyList<PresenceEntry>> apply)
    {
        var parts = requests
            .Select((request, at) => (request, at, host: hostOf(request.Topic)))
            .GroupBy(r => r.host)
            .OrderBy(g => Array.IndexOf(all, g.Key))
            .Select(g => (Host: g.Key, Requests: g.Select(r => r.request).ToArray(), At: g.Select(r => r.at).ToArray()))
            .ToArray();

        try
        {
            var entries = ShardHost.WithLock(parts.Select(p => p.Host).ToArray(), () =>
            {
                foreach (var part in parts)
                {
                    check(part.Host.Shard, part.Requests);
                }

                return Reorder(requests.Count, parts.Select(part => (part.At, apply(part.Host, part.Requests))));
            });
            return ValueTask.FromResult<IReadOnlyList<PresenceEntry>>(entries);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return ValueTask.FromException<IReadOnlyList<PresenceEntry>>(e);
        }
    }

    private static PresenceEntry[] Reorder(
        int count, IEnumerable<(int[] Positions, IReadOnlyList<PresenceEntry> Entries)> parts)
    {
        var entries = new PresenceEntry[count];
        foreach (var (positions, results) in parts)
        {
            for (var i = 0; i < results.Count; i++)
            {
                entries[positions[i]] = results[i];
            }
        }

        return entries;
    }
}
