using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;
using Presence.Node;

namespace Presence.Samples;

/// <summary>The embedded pages and scripts of the samples.</summary>
internal static class SamplePages
{
    // Scripts and styles come from this host only; nothing is inline. 'self' includes WebSockets of the same host.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    private static readonly Assembly Pages = typeof(SamplePages).Assembly;

    /// <summary>Maps the bundled scripts and styles below a prefix, which ends with <c>/</c>.</summary>
    public static void MapAssets(this IEndpointRouteBuilder endpoints, string prefix) =>
        endpoints.MapGet(prefix + "{file}", (string file) =>
        {
            var type = Path.GetExtension(file) == ".css" ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
            if (Read("pages/" + file) is not { } bytes)
            {
                return Results.NotFound();
            }

            var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 8))}\"");
            return Results.Bytes(bytes, type, entityTag: tag);
        });

    /// <summary>Returns a page with its places filled in, or problem details if the front end was not built.</summary>
    public static IResult Show(HttpContext http, string name, string title = "", string content = "")
    {
        if (Read("pages/shop.js") is null)
        {
            return Results.Problem(
                statusCode: StatusCodes.Status503ServiceUnavailable,
                title: "The front end is not built",
                detail: "Install Node.js 20 or later and build again.");
        }

        var node = http.RequestServices.GetRequiredService<IPresenceNode>();
        var html = System.Text.Encoding.UTF8.GetString(Read("pages/" + name)!)
            .Replace("{{node}}", WebUtility.HtmlEncode(node.Name), StringComparison.Ordinal)
            .Replace("{{title}}", WebUtility.HtmlEncode(title), StringComparison.Ordinal)
            .Replace("{{content}}", content, StringComparison.Ordinal)
            .Replace("=\"/", $"=\"{WebUtility.HtmlEncode(http.Request.PathBase)}/", StringComparison.Ordinal);
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.Headers.CacheControl = "no-store";
        return Results.Content(html, "text/html; charset=utf-8");
    }

    private static byte[]? Read(string name)
    {
        using var stream = Pages.GetManifestResourceStream(name);
        if (stream is null)
        {
            return null;
        }

        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
