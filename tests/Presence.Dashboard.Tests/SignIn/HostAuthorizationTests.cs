using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using Presence.Dashboard.Pages;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class HostAuthorizationTests
{
    [Theory]
    [InlineData("ops", HttpStatusCode.OK)]
    [InlineData("sales", HttpStatusCode.Forbidden)]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    public async Task Host_authorization_replaces_the_password(string? role, HttpStatusCode status)
    {
        await using var host = await StartAsync(
            app => app.MapPresenceDashboard().RequireAuthorization("ops"), password: null);
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

    [Theory]
    [InlineData("readers", HttpStatusCode.OK, HttpStatusCode.Forbidden)]
    [InlineData("ops", HttpStatusCode.OK, HttpStatusCode.OK)]
    [InlineData("sales", HttpStatusCode.Forbidden, HttpStatusCode.Forbidden)]
    public async Task Host_authorization_and_the_policy_of_actions_tell_readers_from_operators(
        string role, HttpStatusCode reads, HttpStatusCode acts)
    {
        await using var host = await StartAsync(
            app => app.MapPresenceDashboard().RequireAuthorization("readers"), password: null, actionsPolicy: "ops");
        host.Http.DefaultRequestHeaders.Add("X-Role", role);
        Assert.Equal(reads, await host.StatusAsync("/api/cluster"));
        Assert.Equal(acts, await ActAsync("evict", """{"key":"ann"}"""));
        Assert.Equal(acts, await ActAsync("broadcast", """{"topic":"t","event":"e"}"""));
        Assert.Equal(acts, await ActAsync("disconnect", """{"id":"users:ann"}"""));

        // Who may act gets the answer that there is no such process.
        var handsOver = acts == HttpStatusCode.OK ? HttpStatusCode.NotFound : acts;
        Assert.Equal(handsOver, await ActAsync("handover", """{"process":"nobody"}"""));
        Assert.Equal(acts == HttpStatusCode.OK ? ["ann"] : [], host.Node.Evicted);
        var topics = host.Node.Broadcasts.Select(sent => sent.Topic);
        Assert.Equal(acts == HttpStatusCode.OK ? ["t", "users:ann"] : [], topics);

        async Task<HttpStatusCode> ActAsync(string action, string body)
        {
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            using var response = await host.Http.PostAsync("/api/" + action, content);
            return response.StatusCode;
        }
    }

    public static TheoryData<string> Mounts =>
        ["policy name", "policy", "policy in a group that has one", "requirement"];

    [Theory]
    [MemberData(nameof(Mounts))]
    public async Task Host_authorization_protects_every_page_address_and_socket(string how)
    {
        IReadOnlyList<Endpoint> endpoints = [];
        await using var host = await StartAsync(app =>
        {
            var policy = new AuthorizationPolicyBuilder().RequireRole("ops").Build();
            _ = how switch
            {
                "policy name" => app.MapPresenceDashboard().RequireAuthorization("ops"),
                "policy" => app.MapPresenceDashboard().RequireAuthorization(policy),
                "requirement" => app.MapPresenceDashboard().WithMetadata(new OpsAttribute()),
                _ => app.MapGroup("").RequireAuthorization().MapPresenceDashboard().RequireAuthorization(policy),
            };
            endpoints = [.. ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints)];
        });
        Assert.True(endpoints.Count > 10);
        host.Http.DefaultRequestHeaders.Add("X-Role", "sales");

        // The password does not open what the host protects.
        host.SignIn();
        foreach (var endpoint in endpoints.Cast<RouteEndpoint>())
        {
            var method = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods[0] ?? "GET";
            var path = endpoint.RoutePattern.RawText!.Replace("{file}", "page.js", StringComparison.Ordinal);
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            using var response = await host.Http.SendAsync(request);
            Assert.True(response.StatusCode == HttpStatusCode.Forbidden, $"{method} {path}: {response.StatusCode}");
        }
    }

    [SkippableFact]
    public async Task Host_authorization_opens_the_page_signed_in()
    {
        Skip.IfNot(
            DashboardFiles.AreBuilt, "The pages are not built into this assembly: Node.js and npm were missing.");
        await using var host = await StartAsync(
            app => app.MapPresenceDashboard().RequireAuthorization("ops"), password: null);
        Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/admin"));
        host.Http.DefaultRequestHeaders.Add("X-Role", "ops");
        Assert.Contains("presence-token", await host.Http.GetStringAsync("/admin"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Authorization_of_an_outer_group_does_not_replace_the_password()
    {
        await using var host = await StartAsync(
            app => app.MapGroup("").RequireAuthorization("ops").MapPresenceDashboard());
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
            app.MapPresenceDashboard();
        });
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusFromAsync("192.0.2.1", "wrong"));
        using var attempts = host.Count("presence.admin.attempts");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusFromAsync("192.0.2.1", "wrong"));
        var slow = StatusFromAsync("192.0.2.1", AdminHost.Password);
        await TestTimeouts.UntilAsync("it is slowed", TimeSpan.FromSeconds(20), () =>
            attempts.GetMeasurementSnapshot().Any(m => m.Tags.Values.Single() is "slowed"));
        Assert.Equal(HttpStatusCode.OK, await StatusFromAsync("192.0.2.2", AdminHost.Password));
        host.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.OK, await slow);

        async Task<HttpStatusCode> StatusFromAsync(string address, string password)
        {
            host.SignIn(password: password).Http.DefaultRequestHeaders.Remove("X-Forwarded-For");
            host.Http.DefaultRequestHeaders.Add("X-Forwarded-For", address);
            return await host.StatusAsync("/api/topics");
        }
    }

    private static Task<AdminHost> StartAsync(
        Action<WebApplication> mount, string? password = AdminHost.Password, string? actionsPolicy = null) =>
        AdminHost.StartAsync(
        options => (options.Password, options.MaxFailures, options.ActionsPolicy) = (password, 1, actionsPolicy),
        services: services =>
        {
            services.AddAuthentication("roles").AddScheme<AuthenticationSchemeOptions, RoleHeader>("roles", null);
            services.AddAuthorizationBuilder()
                .AddPolicy("ops", policy => policy.RequireRole("ops"))
                .AddPolicy("readers", policy => policy.RequireRole("readers", "ops"));
        },
        mount: mount);

    /// <summary>Requires a role without naming a policy.</summary>
    [AttributeUsage(AttributeTargets.All)]
    private sealed class OpsAttribute : Attribute, IAuthorizationRequirementData
    {
        public IEnumerable<IAuthorizationRequirement> GetRequirements() => [new RolesAuthorizationRequirement(["ops"])];
    }

    /// <summary>Authenticates by a role in a header.</summary>
    private sealed class RoleHeader(
        IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(
            Request.Headers["X-Role"] is [{ Length: > 0 } role]
                ? AuthenticateResult.Success(
                    new(new(new ClaimsIdentity([new Claim(ClaimTypes.Role, role)], Scheme.Name)), Scheme.Name))
                : AuthenticateResult.NoResult());
    }
}
