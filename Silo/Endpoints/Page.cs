using System.Net;
using Presence.Node;

namespace Presence.Silo;

/// <summary>A page of the host: markup from this assembly with a few places filled in, and a strict policy for scripts.</summary>
internal static class Page
{
    // Scripts and styles come from files of this host alone; nothing is inline. 'self' covers WebSockets of the same host
    // in current browsers; older ones want the scheme spelt out.
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; "
        + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static IResult Show(HttpContext http, string name, string title = "", string content = "")
    {
        var files = http.RequestServices.GetRequiredService<IWebHostEnvironment>().WebRootFileProvider;
        if (!files.GetFileInfo("assets/shop.js").Exists)
        {
            return Results.Problem(
                statusCode: StatusCodes.Status503ServiceUnavailable,
                title: "The front end is not built",
                detail: "Start the host with ./run, or run 'npm ci && npm run build' in Silo/web.");
        }

        var node = http.RequestServices.GetRequiredService<IPresenceNode>();
        var html = Read(name)
            .Replace("{{node}}", WebUtility.HtmlEncode(node.Name), StringComparison.Ordinal)
            .Replace("{{title}}", WebUtility.HtmlEncode(title), StringComparison.Ordinal)
            .Replace("{{content}}", content, StringComparison.Ordinal);
        http.Response.Headers.ContentSecurityPolicy = Policy;
        http.Response.Headers.CacheControl = "no-store";
        return Results.Content(html, "text/html; charset=utf-8");
    }

    private static string Read(string name)
    {
        using var stream = typeof(Page).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
