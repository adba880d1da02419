using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Presence.Dashboard.Pages;

namespace Presence.Dashboard.Tests.Pages;

public sealed partial class MountingTests
{
    [SkippableTheory]
    [InlineData("", "")]
    [InlineData("", "/ops")]
    [InlineData("/base", "")]
    [InlineData("/base", "/ops/presence")]
    public async Task Page_finds_all_its_files_under_any_prefix(string pathBase, string group)
    {
        Skip.IfNot(
            DashboardFiles.AreBuilt, "The pages are not built into this assembly: Node.js and npm were missing.");
        await using var host = await AdminHost.StartAsync(mount: app => Mount(app, pathBase, group));
        var page = new Uri(host.Http.BaseAddress!, $"{pathBase}{group}/admin");
        var markup = await host.Http.GetStringAsync(page);
        var named = Reference().Matches(markup).Select(match => match.Groups[1].Value).ToList();
        Assert.Single(named, name => Regex.IsMatch(name, "^admin/assets/dashboard-[A-Za-z0-9_-]{8}\\.js$"));
        Assert.Single(named, name => Regex.IsMatch(name, "^admin/assets/dashboard-[A-Za-z0-9_-]{8}\\.css$"));
        foreach (var address in named)
        {
            using var found = await host.Http.GetAsync(new Uri(page, address));
            Assert.True(found.IsSuccessStatusCode, $"{address}: {found.StatusCode}");
        }

        using var signIn = await host.Http.PostAsJsonAsync(
            new Uri(page, "admin/sign-in"), new { user = "admin", password = AdminHost.Password });
        var token = (await signIn.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString();
        using var asked = new HttpRequestMessage(HttpMethod.Get, new Uri(page, "api/cluster"));
        asked.Headers.Authorization = new("Bearer", token);
        using var answered = await host.Http.SendAsync(asked);
        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
        var refusal = await Assert.ThrowsAsync<PhoenixException>(
            () => PhoenixSocket.ConnectAsync(new Uri(page, "admin_socket")));
        Assert.EndsWith("with status 403", refusal.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Trailing_slash_redirects_to_the_page()
    {
        Skip.IfNot(
            DashboardFiles.AreBuilt, "The pages are not built into this assembly: Node.js and npm were missing.");
        await using var host = await AdminHost.StartAsync(mount: app => Mount(app, "/base", "/ops"));
        using var http =
            new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = host.Http.BaseAddress };
        using var response = await http.GetAsync("/base/ops/admin/");
        Assert.Equal(HttpStatusCode.Redirect, response.StatusCode);
        Assert.Equal("/base/ops/admin", response.Headers.Location?.OriginalString);
    }

    [Fact]
    public async Task Fallback_policy_of_the_host_does_not_block_admins()
    {
        await using var host = await AdminHost.StartAsync(
            services: services => services.AddAuthorizationBuilder()
                .SetFallbackPolicy(new(
                    [new Microsoft.AspNetCore.Authorization.Infrastructure.DenyAnonymousAuthorizationRequirement()],
                    [])),
            mount: app =>
            {
                app.UseAuthorization();
                app.MapPresenceDashboard();
            });
        Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/api/topics"));
        using var found = await host.SignIn().Http.GetAsync("/api/topics");
        Assert.Equal(HttpStatusCode.OK, found.StatusCode);
    }

    [Theory]
    [InlineData("/admin/handler")]
    [InlineData("/admin/delegate")]
    public async Task Pages_beside_the_dashboard_need_the_same_sign_in(string path)
    {
        var served = 0;
        await using var host = await AdminHost.StartAsync(mount: app => app.MapPresenceDashboard(beside =>
        {
            beside.MapGet("/admin/handler", () => $"{Interlocked.Increment(ref served)}");
            RequestDelegate serve = http => http.Response.WriteAsync($"{Interlocked.Increment(ref served)}");
            beside.Map("/admin/delegate", serve);
        }));
        Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync(path));
        Assert.Equal(0, served);
        Assert.Equal("1", await host.SignIn().Http.GetStringAsync(path));
    }

    private static void Mount(WebApplication app, string pathBase, string group)
    {
        if (pathBase.Length > 0)
        {
            app.UsePathBase(pathBase);
            app.UseRouting();
        }

        IEndpointRouteBuilder place = group.Length > 0 ? app.MapGroup(group) : app;
        place.MapPresenceDashboard();
    }

    [GeneratedRegex("(?:src|href)=\"([^\"#:]+)\"")]
    private static partial Regex Reference();
}
