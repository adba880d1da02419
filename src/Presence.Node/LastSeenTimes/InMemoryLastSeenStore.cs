using Presence.Node.Sessions;

namespace Presence.Node.LastSeenTimes;

/// <summary>Keeps the times of a node in its memory: they are lost when it stops. Bounded.</summary>
internal sealed class InMemoryLastSeenStore(int capacity, TimeSpan retention, TimeProvider time) : ILastSeenStore
{
    private readonly Lock _gate = new();
    private readonly RecentTable<string, DateTimeOffset> _times = new(capacity);
    private readonly long _epoch = time.GetTimestamp();

    public bool IsShared => false;

    private TimeSpan Now => time.GetElapsedTime(_epoch);

    public ValueTask WriteAsync(
        IReadOnlyCollection<KeyValuePair<string, DateTimeOffset>> times, CancellationToken cancellation)
    {
        lock (_gate)
        {
            foreach (var (key, at) in times)
            {
                if (!_times.TryGet(key, Now, out var before) || before < at)
                {
                    _times.Set(key, at, Now, retention);
                }
            }
        }

        return default;
    }

    public ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(
        IReadOnlyCollection<string> keys, CancellationToken cancellation)
    {
        var found = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        lock (_gate)
        {
            foreach (var key in keys)
            {
                if (_times.TryGet(key, Now, out var at))
                {
                    found[key] = at;
                }
            }
        }

        return new(found);
    }
}
