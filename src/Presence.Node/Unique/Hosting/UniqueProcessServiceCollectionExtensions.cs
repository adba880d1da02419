using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Node.Hosting;
using Presence.Node.Unique.Hosting;
using Presence.Tracker.Wire;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers unique processes.</summary>
public static class UniqueProcessServiceCollectionExtensions
{
    /// <summary>
    /// Runs a <typeparamref name="T"/> on one of the nodes that add this name; the others are standbys and take over.
    /// It starts with the host. The guarantee during a partition depends on <see cref="UniqueProcessOptions.Mode"/>.
    /// </summary>
    /// <typeparam name="T">
    /// An <see cref="IUniqueProcess"/>, or a hosted service such as a <c>BackgroundService</c>.
    /// </typeparam>
    /// <param name="services">The services; <c>AddPresence</c> is called if it was not yet.</param>
    /// <param name="name">Name of the unique process, equal on all nodes; 1 to 200 bytes of UTF-8.</param>
    /// <param name="configure">Sets options, after the section <c>Presence:UniqueProcesses:NAME</c>.</param>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> or the name is invalid.</exception>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddUniqueProcess&lt;Biller&gt;("billing", options =&gt; options.HandOverTimeout =
    /// TimeSpan.FromSeconds(10));
    /// </code>
    /// </example>
    public static IServiceCollection AddUniqueProcess<T>(
        this IServiceCollection services, string name, Action<UniqueProcessOptions>? configure = null)
        where T : class =>
        services.AddUniqueProcess(name, group => group.Add<T>(), configure);

    /// <summary>Runs several processes together on one node. If one ends or fails, all are stopped.</summary>
    /// <inheritdoc cref="AddUniqueProcess{T}"/>
    /// <param name="services">The services; <c>AddPresence</c> is called if it was not yet.</param>
    /// <param name="name">Name of the unique process, equal on all nodes; 1 to 200 bytes of UTF-8.</param>
    /// <param name="group">Adds the processes, in the order in which they start.</param>
    /// <param name="configure">Sets options.</param>
    public static IServiceCollection AddUniqueProcess(
        this IServiceCollection services,
        string name,
        Action<UniqueProcessGroup> group,
        Action<UniqueProcessOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(group);
        if (StrictUtf8.SizeOf(name, nameof(name)) is < 1 or > 200)
        {
            throw new ArgumentException($"'{name}' must have 1 to 200 bytes of UTF-8.", nameof(name));
        }

        var processes = new UniqueProcessGroup();
        group(processes);
        if (processes.Types.Count == 0)
        {
            throw new ArgumentException($"Unique process '{name}' has no processes.", nameof(group));
        }

        services.AddPresence();
        services.AddBoundOptions($"Presence:UniqueProcesses:{name}", o => o.Validate(name!), configure, name);
        services.AddSingleton(provider => new UniqueRegistration(
            name!, processes.Types, provider.GetRequiredService<IOptionsMonitor<UniqueProcessOptions>>().Get(name)));
        if (services.Any(s => s.ServiceType == typeof(UniqueProcessHost)))
        {
            return services;
        }

        services.PostConfigure<PresenceOptions>(AddTracker);
        services.AddScoped<UniqueScope>();
        services.AddScoped(provider => provider.GetRequiredService<UniqueScope>().Context
            ?? throw new InvalidOperationException("Only the scope of a unique process has a UniqueProcessContext."));
        services.AddSingleton<UniqueProcessHost>();
        services.AddSingleton<IUniqueProcessDirectory>(provider => provider.GetRequiredService<UniqueProcessHost>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<UniqueProcessHost>());
        return services;
    }

    private static void AddTracker(PresenceOptions options)
    {
        if (options.Trackers.ContainsKey(UniqueBoard.TrackerName))
        {
            return;
        }

        options.AddTracker(UniqueBoard.TrackerName, tracker =>
        {
            tracker.BroadcastPeriod = options.Tracker.BroadcastPeriod;
            tracker.MaxSilentPeriods = options.Tracker.MaxSilentPeriods;
            tracker.DownPeriod = options.Tracker.DownPeriod;
            tracker.PermDownPeriod = options.Tracker.PermDownPeriod;
            tracker.ClockSamplePeriods = options.Tracker.ClockSamplePeriods;
            tracker.LogLevel = options.Tracker.LogLevel;
        });
    }
}
