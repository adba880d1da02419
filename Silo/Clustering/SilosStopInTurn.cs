namespace Presence.Silo;

/// <summary>Lets the silos of this process stop one after the other, the primary silo last.</summary>
/// <remarks>
/// Each writes to the membership table that it stops, at the version it read; of several at once all but one are refused and wait
/// for seconds before they try again. Without a database the table lies in the primary silo.
/// </remarks>
internal sealed class SilosStopInTurn(SilosStopInTurn.Turns turns, bool isPrimary) : IHostedService, IDisposable
{
    private bool _isStopping;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        turns.Add();
        return Task.CompletedTask;
    }

    /// <summary>Called just before the silo's own stop, because hosted services stop in reverse order.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await turns.WaitAsync(isPrimary, cancellationToken);
        _isStopping = true;
    }

    /// <summary>Called once the host has stopped.</summary>
    public void Dispose()
    {
        if (_isStopping)
        {
            _isStopping = false;
            turns.Remove();
        }
    }

    /// <summary>Whose turn it is. Shared by the silos of the process.</summary>
    internal sealed class Turns : IDisposable
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
