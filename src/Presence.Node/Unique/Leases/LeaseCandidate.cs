using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;
using Presence.Node.Unique.Hosting;

namespace Presence.Node.Unique.Leases;

internal sealed class LeaseCandidate(
    ILeaseStore store,
    string node,
    string name,
    UniqueProcessOptions options,
    TimeProvider time,
    RateLimitedLogger rateLimitedLog,
    ILogger log) : ICandidate
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    private TimeSpan _pause;
    private LeaseClock _pausedAt = LeaseClock.Start(time);

    public async ValueTask<ILeadership> AcquireAsync(CancellationToken cancellation)
    {
        var holder = LeaseElection.NewHolder(node);
        using var released = new SemaphoreSlim(0);
        using var watch = store.OnReleased(name, () => Signal(released));
        await Task.Delay(Positive(_pause - _pausedAt.Elapsed), time, cancellation).ConfigureAwait(false);
        while (true)
        {
            var requested = LeaseClock.Start(time);
            if (await TryAcquireAsync(holder, cancellation).ConfigureAwait(false) is not { } result)
            {
                await Task.Delay(RetryDelay, time, cancellation).ConfigureAwait(false);
                continue;
            }

            if (result.IsHeld && requested.Elapsed < options.LeaseDuration - options.Margin)
            {
                return new LeaseLeadership(store, this, name, holder, result, requested, options, time);
            }

            // If held, the response came too late: too little of the lease is left to use it.
            var wait = Positive(result.IsHeld ? RetryDelay : result.Remaining) + TimeSpan.FromMilliseconds(10);
            await WaitAsync(released, wait, cancellation).ConfigureAwait(false);
        }
    }

    public void Ended(TimeSpan pause) => (_pause, _pausedAt) = (pause, LeaseClock.Start(time));

    public void LogFailure(string operation, Exception e)
    {
        if (rateLimitedLog.IsDue(operation, out var count))
        {
            log.LeaseOperationFailed(name, operation, count, e);
        }
    }

    public ValueTask DisposeAsync() => default;

    private static TimeSpan Positive(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;

    private static void Signal(SemaphoreSlim released)
    {
        try
        {
            released.Release();
        }
        catch (ObjectDisposedException)
        {
            // The hint came after the election.
        }
    }

    private async Task<LeaseResult?> TryAcquireAsync(string holder, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(options.LeaseDuration, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await store.AcquireAsync(name, holder, options.LeaseDuration, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && e is not OutOfMemoryException)
        {
            LogFailure("acquire", e);
            return null;
        }
    }

    private async Task WaitAsync(SemaphoreSlim released, TimeSpan wait, CancellationToken cancellation)
    {
        using var hinted = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var hint = released.WaitAsync(hinted.Token);
        await Task.WhenAny(hint, Task.Delay(wait, time, hinted.Token)).ConfigureAwait(false);
        await hinted.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }
}
