using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>
/// A member's way to the store: leases are taken through the grain, which asks once for all who wait; the one that has it renews
/// it and gives it back by itself, so that the loss of the grain's silo costs nobody a term.
/// </summary>
/// <remarks>
/// A grain that does not answer within a quarter of the lease, or refuses, is passed by: the store alone decides, and the holder's text is
/// the same, so that both ways give the same epoch.
/// </remarks>
internal sealed class GrainLeaseStore(
    Seat seat, ILeaseStore store, IGrainFactory grains, TimeProvider time, ILogger<GrainLeaseStore> log) : ILeaseStore
{
    private static readonly TimeSpan TellTimeout = TimeSpan.FromSeconds(1);

    private readonly IUniqueElectionGrain _arbiter = grains.GetGrain<IUniqueElectionGrain>(seat.Name);
    private bool _hasFailed;

    public async ValueTask<LeaseAnswer> AcquireAsync(string name, string holder, TimeSpan duration, CancellationToken cancellation)
    {
        var asking = _arbiter.Acquire(holder, duration);
        try
        {
            var answer = await asking.WaitAsync(duration / 4, time, cancellation);
            _hasFailed = false;
            return answer;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _ = GiveBackAsync(asking, holder);
            throw;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!_hasFailed)
            {
                _hasFailed = true;
                log.AskedWithoutGrain(name, e);
            }

            return await store.AcquireAsync(name, holder, duration, cancellation);
        }
    }

    public ValueTask<LeaseAnswer> RenewAsync(
        string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation) =>
        store.RenewAsync(name, holder, epoch, duration, cancellation);

    public async ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation)
    {
        var isReleased = await store.ReleaseAsync(name, holder, epoch, state, cancellation);
        try
        {
            await _arbiter.Released().WaitAsync(TellTimeout, time, cancellation);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A hint. Without it the others ask when the lease would have run out.
        }

        return isReleased;
    }

    public IDisposable WatchReleases(string name, Action onReleased)
    {
        seat.Called = onReleased;
        return new Watch(seat, onReleased);
    }

    /// <summary>What the grain takes for one that does not wait any more would be nobody's until it runs out.</summary>
    private async Task GiveBackAsync(Task<LeaseAnswer> asking, string holder)
    {
        try
        {
            var answer = await asking;
            if (answer.IsHeld)
            {
                await ReleaseAsync(seat.Name, holder, answer.Epoch, answer.State, CancellationToken.None);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // It runs out by itself.
        }
    }

    private sealed class Watch(Seat seat, Action onReleased) : IDisposable
    {
        public void Dispose()
        {
            if (seat.Called == onReleased)
            {
                seat.Called = null;
            }
        }
    }
}
