using System.Collections.Concurrent;

namespace Presence.Grains.Client;

/// <summary>
/// Ends leases and subscriptions that this client no longer uses: on silos that did not answer, and of calls whose
/// answer was lost, on whatever silo they are or will be executed. Presences would be shown beside those that were
/// tracked in their place, and observers called that are not there any more, until the leases expire.
/// </summary>
/// <param name="end">Ends leases on all silos; fails if one of them does not answer.</param>
/// <param name="time">The clock for how long an end is retried.</param>
internal sealed class AbandonedLeases(Func<IReadOnlyList<string>, Task> end, TimeProvider time)
{
    /// <summary>Maximum number of leases; others expire by themselves.</summary>
    private const int MaxLeases = 100_000;

    public const int MaxLeasesPerCall = 1000;

    /// <summary>Time after which a lease on a silo that cannot be reached is left to expire.</summary>
    private static readonly TimeSpan MaxRetryTime = TimeSpan.FromMinutes(10);

    private readonly ConcurrentQueue<(string Lease, long Since)> _leases = new();
    private int _isEnding;

    public void Add(string lease)
    {
        if (_leases.Count < MaxLeases)
        {
            _leases.Enqueue((lease, time.GetTimestamp()));
        }
    }

    /// <summary>Tries to end the leases that have waited longest, unless that is under way.</summary>
    public void Tick()
    {
        if (!_leases.IsEmpty && Interlocked.Exchange(ref _isEnding, 1) == 0)
        {
            _ = EndAsync();
        }
    }

    private async Task EndAsync()
    {
        var leases = new List<(string Lease, long Since)>();
        while (leases.Count < MaxLeasesPerCall && _leases.TryDequeue(out var lease))
        {
            leases.Add(lease);
        }

        try
        {
            await end([.. leases.Select(l => l.Lease)]);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A silo cannot be reached yet, or the client stops. The other leases come first: the silos that answer
            // have ended these.
            foreach (var lease in leases.Where(l => time.GetElapsedTime(l.Since) <= MaxRetryTime))
            {
                _leases.Enqueue(lease);
            }
        }
        finally
        {
            Volatile.Write(ref _isEnding, 0);
        }
    }
}
