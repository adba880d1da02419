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

    /// <summary>Adds an id, unless there are as many as <c>MaxLeases</c>.</summary>
    public void Add(string id)
    {
        if (_ids.Count < options.Value.MaxLeases)
        {
            _ids[id] = time.GetTimestamp();
        }
    }

    public bool Contains(string id) => _ids.ContainsKey(id);

    /// <summary>Removes the ids that were added a minute ago.</summary>
    public void RemoveExpired()
    {
        foreach (var (id, since) in _ids)
        {
            if (time.GetElapsedTime(since) >= Duration)
            {
                _ids.TryRemove(id, out _);
            }
        }
    }
}
