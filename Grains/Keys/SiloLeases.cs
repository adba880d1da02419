using Orleans;
using Orleans.Runtime;
using Presence.Node.Leases;
using Presence.Tracker;

namespace Presence.Grains.Keys;

/// <summary>Leases of the cluster, for the web endpoints of a silo.</summary>
internal sealed class SiloLeases(IGrainFactory grains) : IPresenceLeases
{
    public async Task<KeyLease> PutAsync(
        LeaseId id, PresenceMeta meta, TimeSpan duration, CancellationToken cancellation)
    {
        var result = await CallAsync(id, grain => grain.Put(meta, duration), cancellation);
        return new KeyLease(result.IsNew, result.Ref);
    }

    public Task<bool> EndAsync(LeaseId id, CancellationToken cancellation) =>
        CallAsync(id, static grain => grain.End(), cancellation);

    /// <summary>Calls the grain, once more if its silo has just stopped.</summary>
    private async Task<T> CallAsync<T>(LeaseId id, Func<IKeyLeaseGrain, Task<T>> call, CancellationToken cancellation)
    {
        var grain = grains.GetGrain<IKeyLeaseGrain>(id.ToString());
        try
        {
            return await call(grain).WaitAsync(cancellation);
        }
        catch (Exception e) when (e is SiloUnavailableException or OrleansMessageRejectionException)
        {
            try
            {
                return await call(grain).WaitAsync(cancellation);
            }
            catch (Exception again) when (again is SiloUnavailableException or OrleansMessageRejectionException)
            {
                throw new TimeoutException("The silo that keeps the lease is not available; retry.", again);
            }
        }
    }
}
