using System.Collections.Concurrent;

namespace Presence.Grains.Client;

/// <summary>
/// Ends leases that this client no longer uses: on silos that did not answer, and of calls whose answer was lost, on
/// whatever silo they are or will be executed. Their presences would be shown beside those that were tracked in their
/// place, until the leases expire.
/// </summary>
internal sealed class AbandonedLeases(PresenceClient client)
{
    /// <summary>Maximum number of leases; others expire by themselves.</summary>
    private const int MaxLeases = 100_000;

    private const int MaxLeasesPerCall = 1000;

    /// <summary>Time after which a lease on a silo that cannot be reached is left to expire.</summary>
    private static readonly TimeSpan MaxRetryTime = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, long> _leases = new(StringComparer.Ordinal);
    private int _isEnding;

    public void Add(string lease)
    {
        if (_leases.Count < MaxLeases)
        {
            _leases.TryAdd(lease, client.Time.GetTimestamp());
        }
    }

    /// <summary>Tries to end the leases unless that is under way.</summary>
    public void Tick()
    {
        if (!_leases.IsEmpty && Interlocked.Exchange(ref _isEnding, 1) == 0)
        {
            _ = EndAsync();
        }
    }

    private async Task EndAsync()
    {
        var leases = _leases.Take(MaxLeasesPerCall).ToArray();
        try
        {
            string[] ids = [.. leases.Select(l => l.Key)];
            await client.CallAsync(client.Topic(ids[0]).EndLeases(ids), client.Stopping);
            Array.ForEach(leases, l => _leases.TryRemove(l));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A silo cannot be reached yet, or the client stops.
            foreach (var lease in leases.Where(l => client.Time.GetElapsedTime(l.Value) > MaxRetryTime))
            {
                _leases.TryRemove(lease);
            }
        }
        finally
        {
            Volatile.Write(ref _isEnding, 0);
        }
    }
}
