namespace Presence.Silo;

/// <summary>
/// Holds a stopping member after its sockets are closed and before it says farewell, until the other members of this
/// process have closed theirs: nobody is told of leaves whose own socket is about to close.
/// </summary>
internal sealed class DrainTogether(SiloRun run) : IHostedLifecycleService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await run.AllDrainedAsync().WaitAsync(Patience, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // One member that cannot let go of its sockets must not keep the others from their farewell.
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
