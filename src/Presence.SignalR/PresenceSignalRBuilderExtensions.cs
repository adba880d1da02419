using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Presence.Node.Hosting;
using Presence.SignalR;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds presence to SignalR.</summary>
public static class PresenceSignalRBuilderExtensions
{
    /// <summary>
    /// Adds <see cref="IHubPresence"/> for hubs. Also call <c>AddPresence</c> on the silo, the Orleans client or, for
    /// one server, the services. Call this after a backplane, so that each message is serialized once per protocol and
    /// not once per connection.
    /// </summary>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddSignalR().AddPresence(options =&gt; options.Grace = TimeSpan.FromSeconds(10));
    /// </code>
    /// </example>
    public static ISignalRServerBuilder AddPresence(
        this ISignalRServerBuilder signalR, Action<HubPresenceOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(signalR);
        var services = signalR.Services;
        services.AddBoundOptions("Presence:SignalR", static o => o.Validate(), configure);
        services.AddDataProtection();
        services.TryAddSingleton<IHubPresence, HubPresence>();
        if (services.LastOrDefault(s => s.ServiceType == typeof(HubLifetimeManager<>))?.ImplementationType is { } inner
            && inner != typeof(LocalHubLifetime<>))
        {
            services.Replace(ServiceDescriptor.Singleton(new WrappedHubLifetime(inner)));
            services.AddSingleton(typeof(HubLifetimeManager<>), typeof(LocalHubLifetime<>));
        }

        return signalR;
    }
}
