using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;

namespace Presence.Grains.Hosting;

/// <summary>
/// Begins to speak on the diff streams once silo and node run, and lets go of streams, observers and leases before either
/// stops.
/// </summary>
internal sealed class PresenceGrainsService(
    DiffStreams streams,
    ObserverTable observers,
    LeaseTable leases,
    IOptions<PresenceOrleansOptions> options) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) =>
        options.Value.DiffStreams ? streams.StartAsync(cancellationToken) : Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await streams.DisposeAsync();
        observers.Dispose();
        leases.Dispose();
    }
}
