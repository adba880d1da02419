using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Dashboard;
using Presence.Dashboard.Api;
using Presence.Dashboard.Live;
using Presence.Dashboard.Pages;
using Presence.Dashboard.SignIn;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the dashboard in any ASP.NET Core host.</summary>
public static partial class PresenceDashboardEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps the dashboard at <c>/admin</c>, <c>POST /admin/token</c>, <c>/api/*</c> and <c>/admin_socket</c>. Without a
    /// password, Development generates one and logs it; any other environment logs an error and answers 503 on these
    /// paths.
    /// </summary>
    /// <param name="endpoints">The endpoints of the host.</param>
    /// <param name="mapBeside">
    /// Maps other pages for operators, such as Orleans' dashboard, which need the same password, token or
    /// authorization.
    /// </param>
    /// <returns>
    /// The group of all admin endpoints, for conventions such as a host filter, <c>RequireRateLimiting</c>, or
    /// <c>RequireAuthorization</c>, with which the authorization of the host replaces the password.
    /// </returns>
    /// <example>
    /// <code>
    /// app.MapPresenceDashboard().RequireAuthorization("operators");
    /// </code>
    /// </example>
    public static IEndpointConventionBuilder MapPresenceDashboard(
        this IEndpointRouteBuilder endpoints, Action<IEndpointRouteBuilder>? mapBeside = null)
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

        var authentication = services.GetRequiredService<AdminAuthentication>();
        var all = endpoints.MapGroup("").WithMetadata(authentication);
        ((IEndpointConventionBuilder)all).Finally(endpoint =>
        {
            // Without RequireAuthorization on this group, AdminAuthentication decides: fallback policies and policies
            // of outer groups must not apply.
            var own = endpoint.Metadata.SkipWhile(item => item != authentication);
            if (!own.Any(item => item is IAuthorizeData or IAuthorizationRequirementData or AuthorizationPolicy))
            {
                endpoint.Metadata.Add(new AllowAnonymousAttribute());
            }
        });
        var answers = all.MapGroup("").AddEndpointFilter(AdminProblem.CatchAsync);
        answers.MapPost("/admin/token", IssueToken).AddEndpointFilter(authentication.PasswordOnly());
        answers.MapGet("/admin", (Delegate)DashboardPage.Show);
        answers.MapPost("/admin/sign-in", (Delegate)DashboardPage.SignIn);
        answers.MapGet("/admin/assets/{file}", DashboardFiles.Asset);
        var api = answers.MapGroup("/api").AddEndpointFilter(authentication);
        api.MapGet("/topics", PresenceReadApi.Topics);
        api.MapGet("/topic", PresenceReadApi.Topic);
        api.MapGet("/presences", (Delegate)PresenceReadApi.Presences);
        api.MapGet("/key", PresenceReadApi.Key);
        api.MapGet("/keys", PresenceReadApi.Keys);
        api.MapGet("/counts", PresenceReadApi.Counts);
        api.MapGet("/cluster", PresenceReadApi.Cluster);
        api.MapGet("/history", PresenceReadApi.History);
        var actions = api.MapGroup("").AddEndpointFilter(ActionsApi.CheckAsync);
        actions.MapPost("/broadcast", (Delegate)BroadcastApi.Broadcast);
        actions.MapPost("/evict", (Delegate)ActionsApi.Evict);
        actions.MapPost("/disconnect", (Delegate)ActionsApi.Disconnect);
        actions.MapPost("/handover", (Delegate)ActionsApi.HandOver);
        var beside = all.MapGroup("");
        ((IEndpointConventionBuilder)beside).Finally(authentication.Protect);
        mapBeside?.Invoke(beside);

        // The socket checks the token of the client itself.
        all.MapSocket<AdminSocket>("/admin_socket");
        return all;
    }

    private static IResult IssueToken(HttpContext http)
    {
        var (token, expires) = http.RequestServices.GetRequiredService<PresenceDashboardTokens>().Issue();
        return Results.Json(new { token, expires });
    }

    [LoggerMessage(
        LogLevel.Warning, "Generated admin sign-in of this process (set Presence:Admin:Password): {User} / {Password}")]
    private static partial void LogGenerated(ILogger log, string user, string password);

    [LoggerMessage(
        LogLevel.Error,
        "The admin endpoints are off unless the host authorizes their requests: Presence:Admin:Password is not set.")]
    private static partial void LogNoPassword(ILogger log);
}
