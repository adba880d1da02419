using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Dashboard.Api;
using Presence.Dashboard.SignIn;

namespace Presence.Dashboard.Pages;

/// <summary>Serves the page <c>/admin</c> and its sign-in.</summary>
internal static class DashboardPage
{
    private const int MaxBodyBytes = 8192;

    public static async Task<IResult> Show(HttpContext http)
    {
        PageHeaders.Set(http.Response.Headers);
        http.Response.Headers.CacheControl = "no-store";
        if (DashboardFiles.Page is not { } page || !DashboardFiles.AreBuilt)
        {
            return AdminProblem.NotBuilt();
        }

        // Addresses in the page are relative to support any prefix; a trailing slash would change them.
        if (http.Request.Path.Value is ['/', .., '/'] path)
        {
            return Results.LocalRedirect(http.Request.PathBase + path.TrimEnd('/'));
        }

        var authentication = http.RequestServices.GetRequiredService<AdminAuthentication>();
        if (!authentication.IsOpen(http))
        {
            return AdminProblem.NoPassword();
        }

        var token = "";
        if (http.Request.Headers.Authorization.Count > 0 || AdminAuthentication.IsAuthorizedByHost(http))
        {
            // Credentials in the request are checked at once.
            await authentication.CheckAsync(http);
            var (issued, expires) = http.RequestServices.GetRequiredService<PresenceDashboardTokens>().Issue();
            var encoded = WebUtility.HtmlEncode(issued);
            token = $"<meta name=\"presence-token\" content=\"{encoded}\" data-expires=\"{expires:O}\">";
        }

        var views = string.Concat(http.RequestServices.GetServices<PresenceDashboardView>().Select(view =>
            $"<a href=\"#{view.Id}\" data-script=\"{WebUtility.HtmlEncode(http.Request.PathBase + view.Script)}\">"
            + $"{WebUtility.HtmlEncode(view.Title)}</a>"));
        var html = page.Replace("{{token}}", token, StringComparison.Ordinal)
            .Replace("{{views}}", views, StringComparison.Ordinal);
        return Results.Content(html, "text/html; charset=utf-8");
    }

    /// <summary>
    /// Reads <c>{user, password}</c>; returns <c>{token, expires}</c> or <c>{rejected}</c>, both with status 200:
    /// browsers log other statuses as errors.
    /// </summary>
    public static async Task<IResult> SignIn(HttpContext http)
    {
        PageHeaders.Set(http.Response.Headers);
        http.Response.Headers.CacheControl = "no-store";
        var json = await RequestBody.ReadAsync(http, MaxBodyBytes, "{user, password}");
        if (json.Text("user") is not { } user || json.Text("password") is not { } password)
        {
            return AdminProblem.BadRequest("'user' and 'password' must be texts.");
        }

        var authentication = http.RequestServices.GetRequiredService<AdminAuthentication>();
        if (await authentication.SignInAsync(http, user, password) is { } rejected)
        {
            return Results.Json(new { rejected });
        }

        var (token, expires) = http.RequestServices.GetRequiredService<PresenceDashboardTokens>().Issue();
        return Results.Json(new { token, expires });
    }
}
