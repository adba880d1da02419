namespace Presence.Dashboard.Tests;

/// <summary>A whole member with the admin endpoints and a socket for anybody, on a port of the loopback address.</summary>
internal sealed class LiveMember : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly WebApplication _app;

    private LiveMember(WebApplication app)
    {
        _app = app;
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic",
            Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{AdminHost.Password}")));
    }

    public HttpClient Http { get; }

    public IPresenceNode Node => _app.Services.GetRequiredService<IPresenceNode>();

    public IServiceProvider Services => _app.Services;

    public static async Task<LiveMember> StartAsync(EmbeddedCluster? cluster = null, string name = "node-1")
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        builder.Services.AddSingleton((cluster ?? new EmbeddedCluster()).CreateLink(name));
        builder.Services.AddPresence(presence => presence.NodeName = name);
        builder.Services.AddChannels(channels => channels.Socket<AnybodySocket>(socket => socket
            .Channel<GreetingChannel>("greeting:*")));
        builder.Services.AddPresenceAdmin(admin => admin.Password = AdminHost.Password);
        var app = builder.Build();
        app.MapSocket<AnybodySocket>("/socket");
        app.MapPresenceAdmin();
        await app.StartAsync();
        return new LiveMember(app);
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
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnect connect) => new(ConnectResult.Accept);
    }

    private sealed class GreetingChannel : Channel
    {
        protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());
    }
}
