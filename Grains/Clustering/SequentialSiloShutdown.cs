using Microsoft.Extensions.Hosting;

namespace Presence.Grains.Clustering;

/// <summary>Stops the silos of this process one after the other, the primary silo last.</summary>
/// <remarks>
/// Each silo updates the membership table at the version it read; of concurrent updates all but one are rejected and
/// retried after seconds. Without a database the table is in the primary silo.
/// </remarks>
internal sealed class SequentialSiloShutdown(SequentialSiloShutdown.ShutdownOrder order, bool isPrimary)
    : IHostedService, IDisposable
{
    private bool _isStopping;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        order.Add();
        return Task.CompletedTask;
    }

    /// <summary>Runs just before the silo stops, because hosted services stop in reverse order.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await order.WaitAsync(isPrimary, cancellationToken);
        _isStopping = true;
    }

    /// <summary>Runs once the host has stopped.</summary>
    public void Dispose()
    {
        if (_isStopping)
        {
            _isStopping = false;
            order.Remove();
        }
    }

    /// <summary>The order of shutdown, shared by the silos of the process.</summary>
    internal sealed class ShutdownOrder : IDisposable
    {
        private readonly SemaphoreSlim _turn = new(1);
        private readonly TaskCompletionSource _onlyPrimary = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _running;

        public void Add() => Interlocked.Increment(ref _running);

        public async Task WaitAsync(bool isPrimary, CancellationToken stop)
        {
            if (isPrimary && Volatile.Read(ref _running) > 1)
            {
                await _onlyPrimary.Task.WaitAsync(stop);
            }

            await _turn.WaitAsync(stop);
        }

        public void Remove()
        {
            _turn.Release();
            if (Interlocked.Decrement(ref _running) == 1)
            {
                _onlyPrimary.TrySetResult();
            }
        }

        public void Dispose() => _turn.Dispose();
    }
}
