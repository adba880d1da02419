using System.Text;
using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Node;

namespace Presence.Silo;

/// <summary>Development only: a token for whoever asks, in place of a sign-in.</summary>
internal static class TokenEndpoint
{
    public static void MapDevelopmentToken(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/token", (HttpContext http) =>
        {
            var given = http.Request.Query["user_id"];
            var userId = given.Count == 1 ? given[0] ?? "" : "";
            var most = http.RequestServices.GetRequiredService<IOptions<PresenceOptions>>().Value.Limits.MaxKeyBytes;
            if (userId.Length == 0 || Encoding.UTF8.GetByteCount(userId) > most)
            {
                return Results.Problem(
                    statusCode: StatusCodes.Status400BadRequest,
                    title: "Bad request",
                    detail: $"Name one user, of 1 to {most} bytes: /token?user_id=ann.");
            }

            http.Response.Headers.CacheControl = "no-store";
            var tokens = http.RequestServices.GetRequiredService<SocketTokens>();
            return Results.Text(tokens.Create(UserSocket.TokenPurpose, userId, UserSocket.TokenLifetime));
        });
    }
}
