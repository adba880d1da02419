using Microsoft.Extensions.Hosting;

namespace Presence.Grains.Clustering;

/// <summary>
/// Delays the leave of a stopping node until the other nodes of this process stop too. Otherwise a node that stops
/// later would push the leaves of the earlier ones to clients whose sockets are about to close.
/// </summary>
/// <param name="allStop">Completes when every node of the process has called it.</param>
internal sealed class CoordinatedDrain(Func<Task> allStop) : IHostedLifecycleService
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await allStop().WaitAsync(Timeout, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // A node that does not stop must not keep the others from leaving.
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
