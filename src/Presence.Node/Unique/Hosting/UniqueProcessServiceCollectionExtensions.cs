using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Presence.Node;

/// <summary>Puts processes into an application that run on one member of the cluster at a time.</summary>
public static class UniqueProcessServiceCollectionExtensions
{
    /// <summary>
    /// Runs a <typeparamref name="T"/> on exactly one of the members that add this name; the others stand by and take over. It starts by
    /// itself. What is promised about splits depends on <see cref="UniqueProcessOptions.Mode"/>.
    /// </summary>
    /// <typeparam name="T">An <see cref="IUniqueProcess"/>, or a hosted service such as a <c>BackgroundService</c>.</typeparam>
    /// <param name="services">The application; <c>AddPresence</c> is called if it was not yet.</param>
    /// <param name="name">What is unique, equal on all members; 1 to 200 bytes of UTF-8.</param>
    /// <param name="configure">Sets options, after the section <c>Presence:UniqueProcesses:NAME</c>.</param>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> or the name cannot be used.</exception>
    /// <exception cref="OptionsValidationException">At start: an option breaks a rule.</exception>
    public static IServiceCollection AddUniqueProcess<T>(
        this IServiceCollection services, string name, Action<UniqueProcessOptions>? configure = null)
        where T : class =>
        services.AddUniqueProcess(name, group => group.Add<T>(), configure);

    /// <summary>Runs several processes together, all on the same member: if one ends or fails, all are stopped.</summary>
    /// <inheritdoc cref="AddUniqueProcess{T}"/>
    /// <param name="services">The application; <c>AddPresence</c> is called if it was not yet.</param>
    /// <param name="name">What is unique, equal on all members; 1 to 200 bytes of UTF-8.</param>
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
        if (Encoding.UTF8.GetByteCount(name ?? "") is < 1 or > 200)
        {
            throw new ArgumentException($"The name of a unique process must have 1 to 200 bytes of UTF-8; '{name}' has not.", nameof(name));
        }

        var processes = new UniqueProcessGroup();
        group(processes);
        if (processes.Types.Count == 0)
        {
            throw new ArgumentException($"Unique process '{name}' has no process in it.", nameof(group));
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
            ?? throw new InvalidOperationException("A UniqueProcessContext exists only inside the term of a unique process."));
        services.AddSingleton<UniqueProcessHost>();
        services.AddSingleton<IUniqueProcessDirectory>(provider => provider.GetRequiredService<UniqueProcessHost>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<UniqueProcessHost>());
        return services;
    }

    /// <summary>Nodes publish who runs what in a tracker of its own, with the timings of the default one.</summary>
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
