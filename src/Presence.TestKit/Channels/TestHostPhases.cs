using Microsoft.Extensions.Hosting;

namespace Presence.TestKit.Channels;

/// <summary>The calls of a host to its services on start and stop, in order.</summary>
internal static class TestHostPhases
{
    public static IReadOnlyList<Func<IHostedService, Task>> OfStart { get; } =
    [
        service => (service as IHostedLifecycleService)?.StartingAsync(default) ?? Task.CompletedTask,
        service => service.StartAsync(default),
        service => (service as IHostedLifecycleService)?.StartedAsync(default) ?? Task.CompletedTask,
    ];

    public static IReadOnlyList<Func<IHostedService, Task>> OfStop { get; } =
    [
        service => (service as IHostedLifecycleService)?.StoppingAsync(default) ?? Task.CompletedTask,
        service => service.StopAsync(default),
        service => (service as IHostedLifecycleService)?.StoppedAsync(default) ?? Task.CompletedTask,
    ];
}
