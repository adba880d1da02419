using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Node;

namespace Presence.Dashboard;

/// <summary>Mounts the admin endpoints in any ASP.NET Core host.</summary>
public static partial class PresenceAdminExtensions
{
    /// <summary>
    /// Adds what <see cref="MapPresenceAdmin"/> needs. The host adds <c>AddPresence()</c> itself, and Data Protection keys
    /// that its members share, if tokens are to be good on all of them.
    /// </summary>
    /// <exception cref="OptionsValidationException">At start: an option breaks its rule.</exception>
    public static IServiceCollection AddPresenceAdmin(
        this IServiceCollection services,
        Action<PresenceAdminOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddBoundOptions("Presence:Admin", static o => o.Validate(), configure);
        if (!services.Any(service => service.ServiceType == typeof(IDataProtectionProvider)))
        {
            // A host that brings its own keys wants no second ring on the disk.
            services.AddDataProtection();
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<AdminCredentials>();
        services.AddSingleton(s =>
        {
            var options = s.GetRequiredService<IOptions<PresenceAdminOptions>>().Value;
            return new AttemptLimiter(s.GetRequiredService<TimeProvider>(), options.MaxFailures, options.FailureWindow);
        });
        services.AddSingleton(s => new PresenceAdminTokens(
            s.GetRequiredService<IDataProtectionProvider>(),
            s.GetRequiredService<AdminCredentials>(),
            s.GetRequiredService<IOptions<PresenceAdminOptions>>(),
            s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<AdminGate>();
        services.AddMetrics();
        services.AddSingleton<AdminInstruments>();
        services.AddChannels(channels => channels.Socket<AdminSocket>(AdminSocket.Routes));
        services.AddSingleton<ShopperStats>();
        services.AddSingleton<ClusterWatch>();
        services.AddHostedService(s => s.GetRequiredService<ShopperStats>());
        services.AddHostedService(s => s.GetRequiredService<ClusterWatch>());
        return services;
    }

    /// <summary>
    /// Maps the dashboard at <c>/admin</c>, <c>POST /admin/token</c>, <c>/api/*</c> and <c>/admin_socket</c>. Without a
    /// password, Development makes one up and logs it; any other environment logs an error and answers 503 on these paths,
    /// while the rest of the host serves.
    /// </summary>
    /// <returns>
    /// The group of all admin endpoints, for conventions such as a host filter, <c>RequireRateLimiting</c>, or
    /// <c>RequireAuthorization</c>: then the host's authorization decides who is an admin, and no password is asked for.
    /// </returns>
    public static IEndpointConventionBuilder MapPresenceAdmin(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var services = endpoints.ServiceProvider;
        var credentials = services.GetRequiredService<AdminCredentials>();
        var log = services.GetRequiredService<ILoggerFactory>().CreateLogger("Presence.Dashboard");
        if (credentials.Generated is { } generated)
        {
            LogGenerated(log, credentials.User, generated);
        }
        else if (!credentials.Available)
        {
            LogNoPassword(log);
        }

        var gate = services.GetRequiredService<AdminGate>();
        var all = endpoints.MapGroup("").WithMetadata(gate);
        ((IEndpointConventionBuilder)all).Finally(endpoint =>
        {
            // Unless the host asks for its authorization here, the gate is the authorization: a fallback policy of the host, or
            // one of a larger group, must not stand before it.
            if (!endpoint.Metadata.SkipWhile(item => item != gate).OfType<IAuthorizeData>().Any())
            {
                endpoint.Metadata.Add(new AllowAnonymousAttribute());
            }
        });
        var answers = all.MapGroup("").AddEndpointFilter(AdminProblem.CatchAsync);
        answers.MapPost("/admin/token", IssueToken).AddEndpointFilter(gate.PasswordOnly());
        answers.MapGet("/admin", DashboardPage.Show);
        answers.MapPost("/admin/sign-in", (Delegate)DashboardPage.SignIn);
        answers.MapGet("/admin/assets/{file}", DashboardFiles.Asset);
        var api = answers.MapGroup("/api").AddEndpointFilter(gate);
        api.MapGet("/topics", PresenceReadApi.Topics);
        api.MapGet("/topic", PresenceReadApi.Topic);
        api.MapGet("/presences", PresenceReadApi.Presences);
        api.MapGet("/key", PresenceReadApi.Key);
        api.MapGet("/cluster", PresenceReadApi.Cluster);
        api.MapPost("/broadcast", (Delegate)BroadcastApi.Broadcast);
        // A socket has a door of its own: the token it brings, or no connection.
        all.MapSocket<AdminSocket>("/admin_socket");
        return all;
    }

    private static IResult IssueToken(HttpContext http)
    {
        var (token, expires) = http.RequestServices.GetRequiredService<PresenceAdminTokens>().Issue();
        return Results.Json(new { token, expires });
    }

    [LoggerMessage(LogLevel.Warning, "Admin password of this process (made up; set Presence:Admin:Password): {User} / {Password}")]
    private static partial void LogGenerated(ILogger log, string user, string password);

    [LoggerMessage(
        LogLevel.Error,
        "The admin endpoints are off: Presence:Admin:Password is not set. The host's own authorization, if it guards them, still lets in.")]
    private static partial void LogNoPassword(ILogger log);
}
