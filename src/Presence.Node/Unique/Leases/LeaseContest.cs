using Microsoft.Extensions.Logging;

namespace Presence.Node;

/// <summary>One member's part in the contest for a lease.</summary>
internal sealed class LeaseContest(
    ILeaseStore store,
    string node,
    string name,
    UniqueProcessOptions options,
    TimeProvider time,
    OccasionalLog occasionally,
    ILogger log) : IUniqueContest
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    private TimeSpan _pause;
    private LeaseClock _pausedAt = LeaseClock.Start(time);

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        var holder = LeaseArbiter.NewHolder(node);
        using var released = new SemaphoreSlim(0);
        using var watch = store.WatchReleases(name, () => Release(released));
        await Task.Delay(Positive(_pause - _pausedAt.Elapsed), time, cancellation).ConfigureAwait(false);
        while (true)
        {
            var asked = LeaseClock.Start(time);
            if (await TryAcquireAsync(holder, cancellation).ConfigureAwait(false) is not { } answer)
            {
                await Task.Delay(RetryDelay, time, cancellation).ConfigureAwait(false);
                continue;
            }

            if (answer.IsHeld && asked.Elapsed < options.Lease - options.Margin)
            {
                return new LeaseTerm(store, this, name, holder, answer, asked, options, time);
            }

            // Held, but known too late to be of use: what is left of it must not be built on.
            var wait = answer.IsHeld ? RetryDelay : answer.Remaining;
            await WaitAsync(released, Positive(wait) + TimeSpan.FromMilliseconds(10), cancellation).ConfigureAwait(false);
        }
    }

    public void Ended(TimeSpan pause) => (_pause, _pausedAt) = (pause, LeaseClock.Start(time));

    public void Trouble(string what, Exception e)
    {
        if (occasionally.IsDue(what, out var times))
        {
            log.LeaseTrouble(name, what, times, e);
        }
    }

    public ValueTask DisposeAsync() => default;

    private static TimeSpan Positive(TimeSpan span) => span > TimeSpan.Zero ? span : TimeSpan.Zero;

    private static void Release(SemaphoreSlim released)
    {
        try
        {
            released.Release();
        }
        catch (ObjectDisposedException)
        {
            // The hint came after the contest was won.
        }
    }

    private async Task<LeaseAnswer?> TryAcquireAsync(string holder, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(options.Lease, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            return await store.AcquireAsync(name, holder, options.Lease, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested && e is not OutOfMemoryException)
        {
            Trouble("acquire", e);
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
