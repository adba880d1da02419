namespace Presence.Silo;

/// <summary>Lets the silos of this process stop one after the other.</summary>
/// <remarks>
/// Each writes to the membership table that it stops, at the version it read; of several at once all but one are refused and wait
/// for seconds before they try again.
/// </remarks>
internal sealed class OrleansStopsInTurn(SemaphoreSlim turn) : IHostedService, IDisposable
{
    private bool _isMine;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Called just before the silo's own stop, because hosted services stop in reverse order.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        _isMine = true;
    }

    /// <summary>Called once the host has stopped.</summary>
    public void Dispose()
    {
        if (_isMine)
        {
            _isMine = false;
            turn.Release();
        }
    }
}
