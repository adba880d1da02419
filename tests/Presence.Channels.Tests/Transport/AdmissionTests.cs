using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Presence.Node.Hosting;

namespace Presence.Channels.Tests.Transport;

/// <summary>How many sockets a client may open, and how fast.</summary>
public sealed class AdmissionTests
{
    private const string Open = "/open/websocket?vsn=2.0.0";

    [Fact]
    public async Task Sockets_of_one_address_are_limited_and_freed()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxSocketsPerAddress = 2);
        using var rejected = new CountedReasons(host.Services, "presence.sockets.rejected");
        using var first = await host.ConnectAsync(Open);
        using var second = await host.ConnectAsync(Open);
        using var third = await host.ConnectAsync(Open);
        Assert.Equal(HttpStatusCode.TooManyRequests, third.HttpStatusCode);
        Assert.Equal(["1"], third.HttpResponseHeaders!["Retry-After"]);
        using var poll = new PollClient(host);
        Assert.Equal(500, (await poll.PollAsync()).Status);
        Assert.Equal(["address", "address"], rejected.Reasons);

        second.Abort();
        await TestTimeouts.UntilAsync("it is gone", TestClient.Timeout, () => host.Server.Sockets.Count == 1);
        using var fourth = await host.ConnectAsync(Open);
        Assert.Equal(WebSocketState.Open, fourth.State);
    }

    [Fact]
    public async Task Sockets_of_one_user_are_limited_and_others_may_connect()
    {
        await using var host = await WebHost.StartAsync(l => l.MaxSocketsPerUser = 1);
        using var rejected = new CountedReasons(host.Services, "presence.sockets.rejected");
        using var ann = await ConnectAsync("ann");
        using var again = await ConnectAsync("ann");
        using var bob = await ConnectAsync("bob");
        Assert.Equal(WebSocketState.Open, ann.State);
        Assert.Equal(HttpStatusCode.TooManyRequests, again.HttpStatusCode);
        Assert.Equal(WebSocketState.Open, bob.State);
        Assert.Equal(["user"], rejected.Reasons);

        Task<ClientWebSocket> ConnectAsync(string user)
        {
            var tokens = host.Services.GetRequiredService<SocketTokens>();
            return host.ConnectAsync(
                $"/socket/websocket?vsn=2.0.0&token={tokens.Create("socket", user, TimeSpan.FromMinutes(1))}");
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Handshakes_beyond_the_rate_are_rejected(bool perAddress)
    {
        // Ten may come at once, and one more each second.
        await using var host = await WebHost.StartAsync(
            l => (l.MaxHandshakesPerAddress, l.MaxHandshakesPerSecond) = perAddress ? (1, 0) : (0, 1));
        using var rejected = new CountedReasons(host.Services, "presence.sockets.rejected");
        var accepted = 0;
        while (!rejected.Reasons.Contains("rate"))
        {
            Assert.True(accepted++ < 1000, "no handshake was rejected");
            using var socket = await host.ConnectAsync(Open);
        }

        Assert.True(accepted > 10);
    }

    [Fact]
    public void Addresses_of_one_IPv6_network_are_one_client()
    {
        Assert.Equal(KeyOf("2001:db8::1"), KeyOf("2001:db8::ffff:1"));
        Assert.NotEqual(KeyOf("2001:db8::1"), KeyOf("2001:db8:0:1::1"));
        Assert.Equal(KeyOf("192.0.2.1"), KeyOf("::ffff:192.0.2.1"));
        Assert.NotEqual(KeyOf("192.0.2.1"), KeyOf("192.0.2.2"));

        static UInt128 KeyOf(string address) => ClientAddress.KeyOf(IPAddress.Parse(address));
    }

    [Theory]
    [InlineData(null, "http://ex\u00e4mple")]
    [InlineData("*", "http://ex\u00e4mple")]
    [InlineData("*", "http://a\u0001b")]
    public async Task Origin_that_no_browser_sends_is_rejected(string? allowed, string origin)
    {
        await using var host = await WebHost.StartAsync(
            null, allowed is null ? [] : [$"--Presence:AllowedOrigins:0={allowed}"]);
        using var rejected = new CountedReasons(host.Services, "presence.sockets.rejected");
        var answer = await RawSocket.RequestAsync(
            host, $"GET /open/longpoll?vsn=2.0.0 HTTP/1.1\nHost: ex\nOrigin: {origin}");
        Assert.DoesNotContain(" 500 ", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Access-Control-Allow-Origin", answer, StringComparison.OrdinalIgnoreCase);
        var upgrade = await RawSocket.RequestAsync(
            host,
            "GET /open/websocket?vsn=2.0.0 HTTP/1.1\nHost: ex\nConnection: Upgrade\nUpgrade: websocket\n"
                + $"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nOrigin: {origin}");
        Assert.DoesNotContain(" 500 ", upgrade, StringComparison.Ordinal);
        Assert.DoesNotContain(" 101 ", upgrade, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preflight_with_names_that_are_none_is_answered_without_them()
    {
        await using var host = await WebHost.StartAsync(null, "--Presence:AllowedOrigins:0=*");
        var answer = await RawSocket.RequestAsync(
            host,
            "OPTIONS /open/longpoll HTTP/1.1\nHost: ex\nOrigin: http://a.example\n"
                + "Access-Control-Request-Headers: x-\u00e4");
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Access-Control-Allow-Headers", answer, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("ann", HttpStatusCode.SwitchingProtocols)]
    public async Task Sockets_may_require_the_authorization_of_the_host(string? user, HttpStatusCode expected)
    {
        await using var app = await StartAsync(
            services => services.AddAuthorization().AddAuthentication("Header")
                .AddScheme<AuthenticationSchemeOptions, HeaderAuthentication>("Header", null),
            app => app.UseAuthentication().UseAuthorization(),
            socket => socket.RequireAuthorization());
        using var http = new HttpClient();
        using var poll = await http.SendAsync(Get("/guarded/longpoll?vsn=2.0.0"));
        Assert.Equal(user is null ? HttpStatusCode.Unauthorized : HttpStatusCode.OK, poll.StatusCode);
        using var webSocket = new ClientWebSocket();
        webSocket.Options.CollectHttpResponseDetails = true;
        if (user is not null)
        {
            webSocket.Options.SetRequestHeader("X-User", user);
        }

        var address = new UriBuilder(new Uri(Address(app), "/guarded/websocket?vsn=2.0.0")) { Scheme = "ws" }.Uri;
        await Record.ExceptionAsync(() => webSocket.ConnectAsync(address, default));
        Assert.Equal(expected, webSocket.HttpStatusCode);

        HttpRequestMessage Get(string path)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Address(app), path));
            request.Headers.Add("X-User", user ?? "");
            return request;
        }
    }

    [Fact]
    public async Task Sockets_may_require_a_rate_limit_of_the_host()
    {
        await using var app = await StartAsync(
            services => services.AddRateLimiter(limiter =>
            {
                limiter.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
                limiter.AddFixedWindowLimiter(
                    "sockets", window => (window.PermitLimit, window.Window) = (1, TimeSpan.FromHours(1)));
            }),
            app => app.UseRateLimiter(),
            socket => socket.RequireRateLimiting("sockets"));
        using var http = new HttpClient { BaseAddress = Address(app) };
        using var first = await http.GetAsync(new Uri("/guarded/longpoll?vsn=2.0.0", UriKind.Relative));
        using var second = await http.GetAsync(new Uri("/guarded/longpoll?vsn=2.0.0", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
    }

    private static Uri Address(WebApplication app) => new(app.Urls.First());

    private static async Task<WebApplication> StartAsync(
        Action<IServiceCollection> services, Action<IApplicationBuilder> use, Action<IEndpointConventionBuilder> guard)
    {
        var builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Services.AddPresence();
        builder.Services.AddChannels(channels => channels.Socket<OpenDoorSocket>(s => s.Channel<EchoChannel>("echo")));
        services(builder.Services);
        var app = builder.Build();
        use(app);
        guard(app.MapSocket<OpenDoorSocket>("/guarded"));
        await app.StartAsync();
        return app;
    }

    /// <summary>Believes a header.</summary>
    private sealed class HeaderAuthentication(
        Microsoft.Extensions.Options.IOptionsMonitor<AuthenticationSchemeOptions> options,
        Microsoft.Extensions.Logging.ILoggerFactory log,
        System.Text.Encodings.Web.UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, log, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            var user = Request.Headers["X-User"].ToString();
            var identity = new System.Security.Claims.ClaimsIdentity(
                [new("sub", user)], Scheme.Name);
            return Task.FromResult(user.Length == 0
                ? AuthenticateResult.NoResult()
                : AuthenticateResult.Success(new(new(identity), Scheme.Name)));
        }
    }
}
