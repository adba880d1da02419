using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Dashboard;
using Presence.Dashboard.Cluster;
using Presence.Dashboard.Live;
using Presence.Dashboard.SignIn;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the dashboard, its views and its channels.</summary>
public static class PresenceDashboardServiceCollectionExtensions
{
    /// <summary>
    /// Adds the services of <c>MapPresenceDashboard</c>. The host adds <c>AddPresence()</c> itself, and Data
    /// Protection keys that its nodes share, if tokens must be valid on all of them.
    /// </summary>
    /// <exception cref="OptionsValidationException">At start: an option is invalid.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddPresenceDashboard();
    /// </code>
    /// </example>
    public static IServiceCollection AddPresenceDashboard(
        this IServiceCollection services, Action<PresenceDashboardOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddBoundOptions("Presence:Admin", static o => o.Validate(), configure);
        services.AddChannels(channels => channels.Socket<AdminSocket>(AdminSocket.Routes));

        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<PresenceDashboardOptions>, PasswordRule>());
        services.AddSingleton<AdminCredentials>();
        services.AddSingleton<AdminAudit>();
        services.AddSingleton(s =>
        {
            var options = s.GetRequiredService<IOptions<PresenceDashboardOptions>>().Value;
            return new LoginRateLimiter(
                s.GetRequiredService<TimeProvider>(), options.MaxFailures, options.FailureWindow);
        });
        services.AddSingleton(s => new PresenceDashboardTokens(
            s.GetRequiredService<IDataProtectionProvider>(),
            s.GetRequiredService<AdminCredentials>(),
            s.GetRequiredService<IOptions<PresenceDashboardOptions>>(),
            s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<AdminAuthentication>();

        services.AddSingleton<AdminInstruments>();
        services.AddSingleton<SessionMonitor>();
        services.AddSingleton<NodeNumbers>();
        services.TryAddSingleton<SlowConsumers>();
        services.AddSingleton<ClusterMonitor>();
        services.AddHostedService(s => s.GetRequiredService<ClusterMonitor>());
        return services;
    }

    /// <summary>Adds a view to the dashboard, before its own views and in the order of the calls.</summary>
    /// <exception cref="ArgumentException">The view is invalid: see <see cref="PresenceDashboardView"/>.</exception>
    public static IServiceCollection AddPresenceDashboardView(
        this IServiceCollection services, PresenceDashboardView view)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(view);
        ArgumentException.ThrowIfNullOrWhiteSpace(view.Title);
        var isId = view.Id is { Length: > 0 and <= 32 }
            && view.Id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
        var isTaken = view.Id is "overview" or "topics" or "presences" or "cluster" or "actions";
        if (!isId || isTaken || view.Script is not ['/', ..])
        {
            throw new ArgumentException(
                $"The view '{view.Id}' with the script '{view.Script}' is not valid: the id must be 1 to 32 lower-case "
                + "letters, digits or '-', other than those of the dashboard; the script must be a path from '/'.",
                nameof(view));
        }

        return services.AddSingleton(view);
    }

    /// <summary>Adds a channel to the socket <c>/admin_socket</c>, which only admins can open.</summary>
    /// <typeparam name="TChannel">The channel.</typeparam>
    /// <param name="services">The services of the host.</param>
    /// <param name="topic">A topic, or a prefix that ends with <c>*</c>.</param>
    public static IServiceCollection AddPresenceDashboardChannel<TChannel>(
        this IServiceCollection services, string topic)
        where TChannel : Channel =>
        services.AddChannels(channels => channels.Socket<AdminSocket>(
            routes => routes.Channel<TChannel>(topic, AdminSocket.NoGrace)));
}
