using Microsoft.AspNetCore.Http;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>Sets CORS headers, so that allowed pages can read the answers of long polls. Without cookies.</summary>
internal static class CrossOrigin
{
    private const int MaxNames = 1024;

    /// <summary>Allows the origin of the request; call it after the origin check.</summary>
    public static void Allow(HttpContext http)
    {
        http.Response.Headers.Vary = "Origin";
        if (http.Request.Headers.Origin is { Count: > 0 } origin)
        {
            http.Response.Headers.AccessControlAllowOrigin = origin;
        }
    }

    public static void Preflight(HttpContext http)
    {
        var names = http.Request.Headers.AccessControlRequestHeaders.ToString();
        if (names.Length <= MaxNames && names.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or ',' or ' '))
        {
            http.Response.Headers.AccessControlAllowHeaders = names;
        }

        http.Response.Headers.AccessControlAllowMethods = "GET, POST, OPTIONS";
        http.Response.Headers.AccessControlMaxAge = "3600";
    }
}
