namespace Presence.Silo.Nodes;

/// <summary>Ignores signals: <see cref="ShutdownSignal"/> handles them for all nodes.</summary>
internal sealed class NullHostLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
