using Presence.Channels;
using Presence.Dashboard;

namespace Presence.Silo;

/// <summary>What one member answers.</summary>
internal static class MemberEndpoints
{
    public static void Map(WebApplication app, SiloRun run)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use((http, next) =>
        {
            http.Response.Headers.XContentTypeOptions = "nosniff";
            http.Response.Headers["Referrer-Policy"] = "no-referrer";
            return next(http);
        });
        // The bundle's names carry no hash, so browsers must ask whether it changed.
        app.UseStaticFiles(new StaticFileOptions
        {
            OnPrepareResponse = file => file.Context.Response.Headers.CacheControl = "no-cache",
        });
        app.MapHealth(run);
        app.MapPresenceAdmin();
        app.MapGet("/", (HttpContext http) => Page.Show(http, "index.html", IndexLinks(run)));
        app.MapSocket<OpenSocket>("/socket");
        app.MapSocket<UserSocket>("/auth_socket");
        if (run.IsDevelopment)
        {
            app.MapDevelopmentToken(run);
            app.MapGet("/tracked", (HttpContext http) => Page.Show(http, "tracked.html"));
        }
    }

    private static string IndexLinks(SiloRun run)
    {
        const string Api = """<li><a href="/api/cluster">The cluster as this member sees it</a> <p class="soft">JSON; sign in as the admin</p></li>""";
        const string Tracked = """<li><a class="button" href="/tracked">See who is online</a></li>""";
        return run.IsDevelopment ? Tracked + Api : Api;
    }
}
