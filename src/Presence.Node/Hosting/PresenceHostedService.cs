using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Presence.Node.Hosting;

/// <summary>Starts the node before the servers of the host and drains it before they stop.</summary>
internal sealed class PresenceHostedService(
    PresenceNode node,
    IEnumerable<IDrainParticipant> participants,
    IServiceProvider services) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        // Resolved now, because a node may fail while the services are being disposed.
        var lifetime = services.GetService<IHostApplicationLifetime>();
        node.Failed += () =>
        {
            // A program that ends with its host has to be started again.
            if (lifetime is not null)
            {
                Environment.ExitCode = 1;
                lifetime.StopApplication();
            }
        };
        return node.StartAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await node.LeaveAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            node.Log.LeaveFailed(node.Name, e);
        }

        foreach (var participant in participants)
        {
            try
            {
                await participant.DrainAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                node.Log.DrainParticipantFailed(participant.GetType().Name, e);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => node.StopAsync(cancellationToken);
}
