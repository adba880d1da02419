using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>Lets the pages that may connect read the answers of long polls. No cookie is ever asked for.</summary>
internal static class CrossOrigin
{
    /// <summary>For a request whose origin was checked.</summary>
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
        http.Response.Headers.AccessControlAllowHeaders = http.Request.Headers.AccessControlRequestHeaders;
        http.Response.Headers.AccessControlAllowMethods = "GET, POST, OPTIONS";
        http.Response.Headers.AccessControlMaxAge = "3600";
    }
}
