using Microsoft.AspNetCore.HttpOverrides;
using Orleans.Dashboard;
using Presence.Silo.Configuration;
using Presence.Silo.Nodes;

namespace Presence.Silo.Endpoints;

/// <summary>Maps the endpoints of a node.</summary>
internal static class NodeEndpoints
{
    public static void Map(WebApplication app, SiloRun run)
    {
        UseSecurityHeaders(app);
        UseProxies(app, run.Options);
        if (run.Options.AllowedHosts.Count > 0)
        {
            app.UseHostFiltering();
        }

        if (!run.IsDevelopment)
        {
            app.UseHsts();
        }

        UsePrefix(app, run.Options);
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.MapHealth();
        if (run.Options.Metrics)
        {
            app.MapPrometheusScrapingEndpoint("/metrics");
        }

        app.MapPresenceDashboard(run.Options.OrleansDashboard
            ? static admin => admin.MapOrleansDashboard("/admin/orleans")
            : null);
        if (run.Options.Samples)
        {
            app.MapSamples();
        }
    }

    /// <summary>Sets headers of every answer when it begins: an exception clears those that were set before.</summary>
    public static void UseSecurityHeaders(IApplicationBuilder app) => app.Use((http, next) =>
    {
        http.Response.OnStarting(static state =>
        {
            var http = (HttpContext)state;
            var headers = http.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            if (headers.ContentSecurityPolicy.Count == 0 && http.Response.StatusCode >= 500)
            {
                // What the page would have set is gone.
                headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
            }

            return Task.CompletedTask;
        }, http);
        return next(http);
    });

    /// <summary>Believes the headers of the proxies that are named, through all of them, and of nobody else.</summary>
    public static void UseProxies(IApplicationBuilder app, SiloOptions options)
    {
        if (options.TrustedProxies.Count == 0)
        {
            return;
        }

        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.All, ForwardLimit = null };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var proxy in options.TrustedProxies)
        {
            forwarded.KnownIPNetworks.Add(proxy);
        }

        app.UseForwardedHeaders(forwarded);
    }

    /// <summary>Serves the host below a path of a proxy, which may strip it.</summary>
    private static void UsePrefix(WebApplication app, SiloOptions options)
    {
        if (options.PathBase.Length > 0)
        {
            app.UsePathBase(options.PathBase).Use((http, next) =>
            {
                http.Request.PathBase = options.PathBase;
                return next(http);
            });
        }

        app.UseRouting();
    }
}
