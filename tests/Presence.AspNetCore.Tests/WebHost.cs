using System.Text.Encodings.Web;

namespace Presence.AspNetCore.Tests;

/// <summary>A web server with presence at <c>/presence</c>, on a loopback port.</summary>
internal sealed class WebHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebHost(WebApplication app) => _app = app;

    public HttpClient Http { get; private set; } = null!;

    public IServiceProvider Services => _app.Services;

    public IPresenceNode Node => Services.GetRequiredService<IPresenceNode>();

    /// <summary>Starts a host with a node of its own.</summary>
    public static Task<WebHost> StartNodeAsync(
        TestTime? time = null,
        Action<IServiceCollection>? services = null,
        Action<PresenceEndpointOptions>? configure = null) => StartAsync(
            builder =>
            {
                if (time is not null)
                {
                    builder.Services.AddSingleton<TimeProvider>(time);
                }

                builder.Services.AddPresence();
                services?.Invoke(builder.Services);
            },
            app => app.MapPresence("/presence", configure));

    public static async Task<WebHost> StartAsync(Action<WebApplicationBuilder> configure, Action<WebApplication> map)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddAuthentication("test").AddScheme<AuthenticationSchemeOptions, HeaderUser>("test", null);
        builder.Services.AddAuthorizationBuilder()
            .AddPolicy("members", policy => policy.RequireAuthenticatedUser())
            .AddPolicy("workers", policy => policy.RequireUserName("worker"));
        configure(builder);
        var host = new WebHost(builder.Build());
        map(host._app);
        await host._app.StartAsync();
        host.Http = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = new Uri(host._app.Urls.First()),
        };
        return host;
    }

    public async Task<JsonElement> GetAsync(string path) => await Http.GetFromJsonAsync<JsonElement>(path);

    public Task<HttpResponseMessage> PutAsync(string path, string? json = null, string type = "application/json") =>
        Http.PutAsync(path, json is null ? null : new StringContent(json, Encoding.UTF8, type));

    /// <summary>Asserts a problem and returns its detail.</summary>
    public static async Task<string> ProblemAsync(HttpStatusCode status, HttpResponseMessage response)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        return problem.GetProperty("detail").GetString()!;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
    }

    /// <summary>Signs in the user that the header <c>X-User</c> names.</summary>
    private sealed class HeaderUser(
        IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            if (Request.Headers["X-User"] is not [{ } name])
            {
                return Task.FromResult(AuthenticateResult.NoResult());
            }

            var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, name)], "test"));
            return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(user, "test")));
        }
    }
}
