using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>
/// Acquires leases through the grain, which calls the store once for all candidates. The holder renews and releases
/// without the grain, so that the loss of the grain's silo ends no term.
/// </summary>
/// <remarks>
/// If the grain fails or does not result within a quarter of the lease, the store is called directly with the same
/// holder text, so that both paths return the same epoch.
/// </remarks>
internal sealed class GrainLeaseStore(
    Seat seat, ILeaseStore store, IGrainFactory grains, TimeProvider time, ILogger<GrainLeaseStore> log) : ILeaseStore
{
    private static readonly TimeSpan NotifyTimeout = TimeSpan.FromSeconds(1);

    private readonly IUniqueElectionGrain _election = grains.GetGrain<IUniqueElectionGrain>(seat.Name);
    private bool _hasFailed;

    public async ValueTask<LeaseResult> AcquireAsync(
        string name, string holder, TimeSpan duration, CancellationToken cancellation)
    {
        var request = _election.Acquire(holder, duration);
        try
        {
            var result = await request.WaitAsync(duration / 4, time, cancellation);
            _hasFailed = false;
            return result;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _ = ReleaseUnusedAsync(request, holder);
            throw;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!_hasFailed)
            {
                _hasFailed = true;
                log.ElectionBypassed(name, e);
            }

            return await store.AcquireAsync(name, holder, duration, cancellation);
        }
    }

    public ValueTask<LeaseResult> RenewAsync(
        string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation) =>
        store.RenewAsync(name, holder, epoch, duration, cancellation);

    public async ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation)
    {
        var isReleased = await store.ReleaseAsync(name, holder, epoch, state, cancellation);
        try
        {
            await _election.Released().WaitAsync(NotifyTimeout, time, cancellation);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The notification is optional. Without it the others retry when the lease would have expired.
        }

        return isReleased;
    }

    public IDisposable OnReleased(string name, Action onReleased)
    {
        seat.OnNotified = onReleased;
        return new Registration(seat, onReleased);
    }

    /// <summary>Releases a lease that the grain acquired after this candidate stopped waiting.</summary>
    private async Task ReleaseUnusedAsync(Task<LeaseResult> request, string holder)
    {
        try
        {
            var result = await request;
            if (result.IsHeld)
            {
                await ReleaseAsync(seat.Name, holder, result.Epoch, result.State, CancellationToken.None);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The lease expires by itself.
        }
    }

    private sealed class Registration(Seat seat, Action onReleased) : IDisposable
    {
        public void Dispose()
        {
            if (seat.OnNotified == onReleased)
            {
                seat.OnNotified = null;
            }
        }
    }
}
