using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node;
using Presence.Node.Feeds;
using Presence.Node.Leases;

namespace Presence.AspNetCore;

/// <summary>What the endpoints need of the services, for one request.</summary>
/// <param name="http">The request.</param>
internal sealed class PresenceRequest(HttpContext http)
{
    public IPresenceSource Source => Services.GetRequiredService<IPresenceSource>();

    public IPresenceLeases Leases => Services.GetRequiredService<IPresenceLeases>();

    public ChangeFeeds Feeds => Services.GetRequiredService<ChangeFeeds>();

    public IPresenceAuthorizer? Authorizer => Services.GetService<IPresenceAuthorizer>();

    private IServiceProvider Services => http.RequestServices;

    public static ValueTask<PresenceRequest?> BindAsync(HttpContext http) => new(new PresenceRequest(http));

    /// <summary>Returns a segment of the path with its slashes, which the web server leaves escaped.</summary>
    public static string Unescape(string segment) => segment.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    /// <exception cref="UnauthorizedAccessException">The application's authorizer does not allow it.</exception>
    public async ValueTask RequireAsync(PresenceOperation operation, string? topic, string? key)
    {
        if (Authorizer is { } authorizer
            && !await authorizer.IsAllowedAsync(new PresenceAccess(operation, topic, key) { User = http.User }))
        {
            throw new UnauthorizedAccessException();
        }
    }
}
