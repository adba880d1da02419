namespace Presence.Dashboard.Tests;

/// <summary>A node with the admin endpoints and an open socket, on a loopback port.</summary>
internal sealed class LiveNode : IAsyncDisposable
{
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly WebApplication _app;

    private LiveNode(WebApplication app)
    {
        _app = app;
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{AdminHost.Password}")));
    }

    public HttpClient Http { get; }
    public IPresenceNode Node => _app.Services.GetRequiredService<IPresenceNode>();
    public IServiceProvider Services => _app.Services;

    public static async Task<LiveNode> StartAsync(
        InMemoryCluster? cluster = null, string name = "node-1", Action<PresenceOptions>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        builder.Services.AddSingleton((cluster ?? new InMemoryCluster()).CreateTransport(name));
        builder.Services.AddPresence(presence =>
        {
            presence.NodeName = name;
            configure?.Invoke(presence);
        });
        builder.Services.AddChannels(channels => channels.Socket<AnybodySocket>(socket => socket
            .Channel<GreetingChannel>("greeting:*")));
        builder.Services.AddPresenceDashboardChannel<GreetingChannel>("admin:greeting");
        builder.Services.AddPresenceDashboardView(
            new PresenceDashboardView("greetings", "Greetings & more", "/greetings.js"));
        builder.Services.AddPresenceDashboard(admin => admin.Password = AdminHost.Password);
        var app = builder.Build();
        app.MapSocket<AnybodySocket>("/socket");
        app.MapPresenceDashboard();
        await app.StartAsync();
        return new LiveNode(app);
    }

    public async Task<string> TokenAsync()
    {
        using var issued = await Http.PostAsync("/admin/token", null);
        return (await issued.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString()!;
    }

    public async Task<PhoenixSocket> AdminAsync() => await ConnectAsync("/admin_socket", await TokenAsync());

    public Task<PhoenixSocket> ConnectAsync(string path, string? token = null) =>
        PhoenixSocket.ConnectAsync(new Uri(Http.BaseAddress!, path), new PhoenixOptions { AuthToken = token });

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
    }

    private sealed class AnybodySocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
            new(ConnectResult.Accepted);
    }

    private sealed class GreetingChannel : Channel
    {
        protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());
    }
}
