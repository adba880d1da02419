using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Presence.Grains.Leases;

/// <summary>
/// Ids of leases and subscriptions that clients have ended and that must not begin for a minute: the calls that begin
/// them may still be on their way.
/// </summary>
internal sealed class EndedIds(IOptions<PresenceOrleansOptions> options, TimeProvider time)
{
    /// <summary>Longer than a message waits for its execution (Orleans' response timeout, 30 s).</summary>
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, long> _ids = new(StringComparer.Ordinal);

    // Counted separately, because counting a concurrent dictionary locks all of it.
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>Adds an id, unless there are as many as <c>MaxLeases</c>.</summary>
    public void Add(string id)
    {
        var now = time.GetTimestamp();
        while (true)
        {
            if (_ids.TryGetValue(id, out var before))
            {
                if (_ids.TryUpdate(id, now, before))
                {
                    return;
                }
            }
            else if (Interlocked.Increment(ref _count) > options.Value.MaxLeases)
            {
                Interlocked.Decrement(ref _count);
                return;
            }
            else if (_ids.TryAdd(id, now))
            {
                return;
            }
            else
            {
                Interlocked.Decrement(ref _count);
            }
        }
    }

    public bool Contains(string id) => _ids.ContainsKey(id);

    /// <summary>Removes the ids that were added a minute ago.</summary>
    public void RemoveExpired()
    {
        foreach (var ended in _ids)
        {
            if (time.GetElapsedTime(ended.Value) >= Duration && _ids.TryRemove(ended))
            {
                Interlocked.Decrement(ref _count);
            }
        }
    }
}
