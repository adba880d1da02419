using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Presence.Dashboard;

/// <summary><c>/admin</c>: the page, which is the same for everybody and asks for a password, and the sign-in it uses.</summary>
internal static class DashboardPage
{
    private const int MaxBodyBytes = 8192;

    public static IResult Show(HttpContext http)
    {
        PageHeaders.Set(http.Response.Headers);
        http.Response.Headers.CacheControl = "no-store";
        if (DashboardFiles.Page is not { } page || !DashboardFiles.AreBuilt)
        {
            return AdminProblem.NotBuilt();
        }

        // Addresses in the page are relative, so that it works under any prefix; a slash at the end would shift them.
        if (http.Request.Path.Value is ['/', .., '/'] path)
        {
            return Results.LocalRedirect(http.Request.PathBase + path.TrimEnd('/'));
        }

        var gate = http.RequestServices.GetRequiredService<AdminGate>();
        if (!gate.IsOpen(http))
        {
            return AdminProblem.NoPassword();
        }

        var token = "";
        if (http.Request.Headers.Authorization.Count > 0 || AdminGate.IsAuthorizedByHost(http))
        {
            // Who brings credentials wants to be let in, or told that they are wrong.
            gate.Check(http);
            var (issued, expires) = http.RequestServices.GetRequiredService<PresenceAdminTokens>().Issue();
            token = $"<meta name=\"presence-token\" content=\"{WebUtility.HtmlEncode(issued)}\" data-expires=\"{Text(expires)}\">";
        }

        return Results.Content(page.Replace("{{token}}", token, StringComparison.Ordinal), "text/html; charset=utf-8");
    }

    /// <summary>
    /// <c>{user, password}</c> in; <c>{token, expires}</c> or <c>{refused}</c> out, both with status 200: browsers write
    /// every other status of a script's request into the console as an error, and a mistyped password is none.
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

        var gate = http.RequestServices.GetRequiredService<AdminGate>();
        if (gate.SignIn(http, user, password) is { } refused)
        {
            return Results.Json(new { refused });
        }

        var (token, expires) = http.RequestServices.GetRequiredService<PresenceAdminTokens>().Issue();
        return Results.Json(new { token, expires });
    }

    private static string Text(DateTimeOffset at) => at.ToString("O", CultureInfo.InvariantCulture);
}
