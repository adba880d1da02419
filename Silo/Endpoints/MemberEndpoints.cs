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
        app.MapHealth();
        app.MapPresenceAdmin();
        app.MapShop();
        app.MapSocket<OpenSocket>("/socket");
        app.MapSocket<UserSocket>("/auth_socket");
        if (run.IsDevelopment)
        {
            app.MapDevelopmentToken();
            app.MapGet("/tracked", (HttpContext http) => Page.Show(http, "tracked.html"));
        }
    }
}
