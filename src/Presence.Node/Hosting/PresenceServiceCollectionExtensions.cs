using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Presence.Node;

/// <summary>Puts a member into an application.</summary>
public static class PresenceServiceCollectionExtensions
{
    /// <summary>
    /// Makes this application a member: registers <see cref="IPresenceNode"/>, its default <see cref="IPresenceTracker"/>
    /// (others by <see cref="IPresenceNode.GetTracker"/>) and <see cref="IClusterPubSub"/>, and runs it with the host.
    /// Options come from the section <c>Presence</c> of the host's configuration, if it has one; what code sets wins.
    /// </summary>
    /// <remarks>
    /// Without another <see cref="IClusterLink"/> the member is alone. Register a link, before or after, to have company:
    /// <see cref="EmbeddedCluster.CreateLink"/> for members in one process.
    /// </remarks>
    /// <exception cref="OptionsValidationException">
    /// At start: an option breaks a rule, or a name or value in the configuration cannot be meant.
    /// </exception>
    public static IServiceCollection AddPresence(
        this IServiceCollection services, Action<PresenceOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddBoundOptions("Presence", static o => o.Validate(), configure);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IClusterLink>(provider => new EmbeddedCluster().CreateLink(
            provider.GetRequiredService<IOptions<PresenceOptions>>().Value.NodeName));
        services.TryAddSingleton(provider => new PresenceNode(
            provider.GetRequiredService<IClusterLink>(),
            provider.GetRequiredService<IOptions<PresenceOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<ILogger<PresenceNode>>() ?? NullLogger<PresenceNode>.Instance));
        services.TryAddSingleton<IPresenceNode>(provider => provider.GetRequiredService<PresenceNode>());
        services.TryAddSingleton(provider => provider.GetRequiredService<IPresenceNode>().Tracker);
        services.TryAddSingleton(provider => provider.GetRequiredService<IPresenceNode>().PubSub);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PresenceHostedService>());
        return services;
    }
}

/// <summary>
/// Something that lets go of its clients when the member drains: called after the other members have heard the farewell,
/// in the order of registration, before the host stops its servers.
/// </summary>
public interface IDrainStep
{
    /// <summary>Lets go. An exception is logged and the next step runs.</summary>
    Task DrainAsync(CancellationToken cancellation);
}

/// <summary>Starts the member before the servers and drains it before they stop.</summary>
internal sealed class PresenceHostedService(
    PresenceNode node,
    IEnumerable<IDrainStep> steps,
    IServiceProvider services) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        // Resolved now: a node may fail while the services are disposed.
        var lifetime = services.GetService<IHostApplicationLifetime>();
        node.Failed += () => lifetime?.StopApplication();
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

        foreach (var step in steps)
        {
            try
            {
                await step.DrainAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                node.Log.DrainStepFailed(step.GetType().Name, e);
            }
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => node.StopAsync(cancellationToken);
}
