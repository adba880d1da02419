using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;

namespace Presence.Grains.Hosting;

/// <summary>Starts the diff streams after silo and node; ends streams, observers and leases before either.</summary>
internal sealed partial class PresenceGrainsService(
    TopicStreamPublisher streams,
    ObserverRegistry observers,
    LeaseRegistry leases,
    IOptions<PresenceOrleansOptions> options,
    ILogger<PresenceGrainsService> logger,
    MemorySubscriptions? memory = null) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (memory is not null)
        {
            LogMemory(logger);
        }

        return options.Value.TopicStreams ? streams.StartAsync(cancellationToken) : Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await streams.DisposeAsync();
        observers.Dispose();
        leases.Dispose();
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Stream subscriptions are kept in the memory of the silos, because no grain storage PubSubStore is "
            + "registered; IPresenceClient subscribes again when they are lost.")]
    private static partial void LogMemory(ILogger logger);
}

/// <summary>Registered if the store of subscriptions is the default one.</summary>
internal sealed class MemorySubscriptions;
