using System.Text;
using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Node;

namespace Presence.Samples.Playground;

/// <summary>
/// Serves tokens without a sign-in, in Development only. The header <c>Token-Lifetime</c> has their seconds, so that a
/// page renews them in time; <c>Playground:TokenLifetime</c> sets another lifetime than a day.
/// </summary>
internal static class TokenEndpoint
{
    public static void MapDevelopmentToken(this IEndpointRouteBuilder endpoints)
    {
        var lifetime = endpoints.ServiceProvider.GetRequiredService<IConfiguration>()
            .GetValue("Playground:TokenLifetime", UserSocket.TokenLifetime);
        endpoints.MapGet("/token", (HttpContext http) =>
        {
            var given = http.Request.Query["user_id"];
            var userId = given.Count == 1 ? given[0] ?? "" : "";
            var options = http.RequestServices.GetRequiredService<IOptions<PresenceOptions>>().Value;
            var maxBytes = options.Limits.MaxKeyBytes;
            if (userId.Length == 0 || Encoding.UTF8.GetByteCount(userId) > maxBytes)
            {
                return Results.Problem(
                    statusCode: StatusCodes.Status400BadRequest,
                    title: "Bad request",
                    detail: $"Name one user, of 1 to {maxBytes} bytes: /token?user_id=ann.");
            }

            http.Response.Headers.CacheControl = "no-store";
            http.Response.Headers["Token-Lifetime"] = $"{(int)lifetime.TotalSeconds}";
            var tokens = http.RequestServices.GetRequiredService<SocketTokens>();
            return Results.Text(tokens.Create(UserSocket.TokenPurpose, userId, lifetime));
        });
    }
}
