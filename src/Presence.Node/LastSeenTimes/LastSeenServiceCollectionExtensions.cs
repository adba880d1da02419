using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Node.Hosting;
using Presence.Node.LastSeenTimes;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="IPresenceLastSeen"/>.</summary>
public static class LastSeenServiceCollectionExtensions
{
    /// <summary>
    /// Remembers when keys were last present: in the memory of each node, or in an <see cref="ILastSeenStore"/> that is
    /// registered before. Also call <c>AddPresence</c> on the services or the silo.
    /// </summary>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IServiceCollection AddPresenceLastSeen(
        this IServiceCollection services, Action<LastSeenOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddBoundOptions("Presence:LastSeen", static o => o.Validate(), configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<ILastSeenStore>(provider =>
        {
            var options = provider.GetRequiredService<IOptions<LastSeenOptions>>().Value;
            var time = provider.GetRequiredService<TimeProvider>();
            return new InMemoryLastSeenStore(options.MaxKeys, options.Retention, time);
        });
        services.TryAddSingleton(provider => new LastSeenRecorder(
            provider.GetRequiredService<IPresenceNode>(),
            provider.GetRequiredService<ILastSeenStore>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILogger<LastSeenRecorder>>() ?? NullLogger<LastSeenRecorder>.Instance,
            provider.GetService<IMeterFactory>()));
        services.TryAddSingleton<IPresenceLastSeen>(static p => p.GetRequiredService<LastSeenRecorder>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, LastSeenRecorder>(
            static p => p.GetRequiredService<LastSeenRecorder>()));
        return services;
    }
}
