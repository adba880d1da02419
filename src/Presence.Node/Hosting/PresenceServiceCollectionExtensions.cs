using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Node.Feeds;
using Presence.Node.Hosting;
using Presence.Node.Leases;
using Presence.Node.Telemetry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers a node.</summary>
public static class PresenceServiceCollectionExtensions
{
    /// <summary>
    /// Registers an <see cref="IPresenceNode"/>, its default <see cref="IPresenceTracker"/> (others by
    /// <see cref="IPresenceNode.GetTracker"/>) and <see cref="IClusterPubSub"/>, and runs the node with the host.
    /// Options come from the section <c>Presence</c> of the host's configuration; values set in code win.
    /// </summary>
    /// <remarks>
    /// Without an <see cref="IClusterTransport"/> the node is a cluster of its own. Register one, before or after this
    /// call, to join others: <see cref="InMemoryCluster.CreateTransport"/> for nodes in one process.
    /// </remarks>
    /// <exception cref="OptionsValidationException">At start: an unknown key or an invalid value.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddPresence(options =&gt; options.NodeName = "web-1");
    /// </code>
    /// </example>
    public static IServiceCollection AddPresence(
        this IServiceCollection services, Action<PresenceOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddBoundOptions("Presence", static o => o.Validate(), configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IClusterTransport>(provider => new InMemoryCluster().CreateTransport(
            provider.GetRequiredService<IOptions<PresenceOptions>>().Value.NodeName));
        services.TryAddSingleton(provider => new PresenceNode(
            provider.GetRequiredService<IClusterTransport>(),
            provider.GetRequiredService<IOptions<PresenceOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILogger<PresenceNode>>() ?? NullLogger<PresenceNode>.Instance,
            provider.GetRequiredService<SlowConsumers>(),
            provider.GetService<IMeterFactory>()));
        services.TryAddSingleton<IPresenceNode>(provider => provider.GetRequiredService<PresenceNode>());
        services.TryAddSingleton(provider => provider.GetRequiredService<IPresenceNode>().Tracker);
        services.TryAddSingleton(provider => provider.GetRequiredService<IPresenceNode>().PubSub);
        services.TryAddSingleton<IPresenceSource, NodeSource>();
        services.TryAddSingleton<IPresenceLeases, LocalLeases>();
        services.AddPresenceFeeds();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PresenceHostedService>());
        return services;
    }

    internal static void AddPresenceFeeds(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<SlowConsumers>();
        services.TryAddSingleton<FeedInstruments>();
        services.TryAddSingleton<ChangeFeeds>();
    }
}
