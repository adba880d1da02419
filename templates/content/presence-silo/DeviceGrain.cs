using Microsoft.Extensions.Hosting;
using Orleans;
using Presence.Grains;

namespace PresenceSilo;

public interface IDeviceGrain : IGrainWithStringKey
{
    /// <summary>Activates the device; it is present in the topic "devices" until it is deactivated.</summary>
    Task Ping();
}

internal sealed class DeviceGrain : Grain, IDeviceGrain
{
    public override async Task OnActivateAsync(CancellationToken cancellationToken) =>
        await this.TrackPresenceAsync("devices", this.GetPrimaryKeyString());

    public Task Ping() => Task.CompletedTask;
}

/// <summary>Subscribes to the topic, activates a device, and writes what changes.</summary>
internal sealed class Doorbell(IGrainFactory grains, IPresenceClient presence) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var subscription = await presence.SubscribeAsync(
            "devices",
            async changes =>
            {
                foreach (var change in changes)
                {
                    await Console.Out.WriteLineAsync($"{change.Kind}: {change.Entry.Key}");
                }
            },
            cancellation: stoppingToken);
        await grains.GetGrain<IDeviceGrain>("thermometer").Ping();
        await Task.Delay(Timeout.Infinite, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
