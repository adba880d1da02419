using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>Whose a connection is, and until when.</summary>
/// <param name="UserId">The user.</param>
/// <param name="IssuedAt">When the user signed in; <see cref="SocketTokens.Revoke"/> compares with it.</param>
/// <param name="ExpiresAt">When the connection is closed unless it is renewed.</param>
public readonly record struct SocketToken(string UserId, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>
    /// Returns the user whom the host has authenticated, by a cookie, a JWT bearer token or in another way; null if
    /// there is none. The ID is the claim <see cref="ClaimTypes.NameIdentifier"/> or <c>sub</c>; the times are those of
    /// the authentication ticket, else of the claims <c>iat</c> and <c>exp</c>, else now and without an end.
    /// </summary>
    public static SocketToken? FromUser(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        var user = http.User;
        var id = user.FindFirstValue(ClaimTypes.NameIdentifier) ?? user.FindFirstValue("sub");
        if (user.Identity?.IsAuthenticated != true || string.IsNullOrEmpty(id))
        {
            return null;
        }

        var ticket = http.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Properties;
        return new SocketToken(
            id,
            ticket?.IssuedUtc ?? TimeOf(user, "iat") ?? DateTimeOffset.UtcNow,
            ticket?.ExpiresUtc ?? TimeOf(user, "exp") ?? DateTimeOffset.MaxValue);
    }

    private static DateTimeOffset? TimeOf(ClaimsPrincipal user, string claim) =>
        long.TryParse(user.FindFirstValue(claim), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds()
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;
}
