using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard.Tests.SignIn;

/// <summary>What ASP.NET Core does in a host is not done once more by the dashboard.</summary>
public sealed class Authorization_of_the_host
{
    [Theory]
    [InlineData("ops", HttpStatusCode.OK)]
    [InlineData("sales", HttpStatusCode.Forbidden)]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    public async Task Decides_in_place_of_a_password_where_it_is_asked_for(string? role, HttpStatusCode status)
    {
        await using var host = await StartAsync(app => app.MapPresenceAdmin().RequireAuthorization("ops"), password: null);
        using var attempts = host.Count("presence.admin.attempts");
        host.Http.DefaultRequestHeaders.Add("X-Role", role);
        Assert.Equal(status, await host.StatusAsync("/api/topics"));
        using var token = await host.Http.PostAsync("/admin/token", null);
        Assert.Equal(status, token.StatusCode);
        if (status == HttpStatusCode.OK)
        {
            var body = await token.Content.ReadFromJsonAsync<JsonElement>();
            Assert.True(host.Tokens.IsValid(body.GetProperty("token").GetString()));
        }

        Assert.Empty(attempts.GetMeasurementSnapshot());
    }

    [SkippableFact]
    public async Task Opens_the_page_signed_in()
    {
        Skip.IfNot(DashboardFiles.AreBuilt, "The pages are not built into this assembly: Node.js and npm were missing.");
        await using var host = await StartAsync(app => app.MapPresenceAdmin().RequireAuthorization("ops"), password: null);
        Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/admin"));
        host.Http.DefaultRequestHeaders.Add("X-Role", "ops");
        Assert.Contains("presence-token", await host.Http.GetStringAsync("/admin"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_larger_group_makes_nobody_an_admin()
    {
        await using var host = await StartAsync(app => app.MapGroup("").RequireAuthorization("ops").MapPresenceAdmin());
        host.Http.DefaultRequestHeaders.Add("X-Role", "ops");
        Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/api/topics"));
        Assert.Equal(HttpStatusCode.OK, await host.SignIn().StatusAsync("/api/topics"));
    }

    [Fact]
    public async Task Failures_count_for_the_address_that_a_proxy_of_the_host_forwards()
    {
        await using var host = await StartAsync(app =>
        {
            app.UseForwardedHeaders(new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor });
            app.UseRouting();
            app.MapPresenceAdmin();
        });
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusFromAsync("192.0.2.1", "wrong"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusFromAsync("192.0.2.1", AdminHost.Password));
        Assert.Equal(HttpStatusCode.OK, await StatusFromAsync("192.0.2.2", AdminHost.Password));

        async Task<HttpStatusCode> StatusFromAsync(string address, string password)
        {
            host.SignIn(password: password).Http.DefaultRequestHeaders.Remove("X-Forwarded-For");
            host.Http.DefaultRequestHeaders.Add("X-Forwarded-For", address);
            return await host.StatusAsync("/api/topics");
        }
    }

    private static Task<AdminHost> StartAsync(Action<WebApplication> mount, string? password = AdminHost.Password) => AdminHost.StartAsync(
        options => (options.Password, options.MaxFailures) = (password, 1),
        services: services =>
        {
            services.AddAuthentication("roles").AddScheme<AuthenticationSchemeOptions, RoleHeader>("roles", null);
            services.AddAuthorizationBuilder().AddPolicy("ops", policy => policy.RequireRole("ops"));
        },
        mount: mount);

    /// <summary>Believes whoever names a role in a header.</summary>
    private sealed class RoleHeader(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
            Request.Headers["X-Role"] is [{ Length: > 0 } role]
                ? AuthenticateResult.Success(new(new(new ClaimsIdentity([new Claim(ClaimTypes.Role, role)], Scheme.Name)), Scheme.Name))
                : AuthenticateResult.NoResult());
    }
}
