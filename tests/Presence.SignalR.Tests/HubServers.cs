namespace Presence.SignalR.Tests;

/// <summary>Servers with one hub each, whose nodes form a cluster in memory.</summary>
internal sealed class HubServers : IAsyncDisposable
{
    private readonly List<WebApplication> _apps = [];

    public IServiceProvider Services(int server) => _apps[server].Services;

    public IPresenceNode Node(int server) => Services(server).GetRequiredService<IPresenceNode>();

    public static async Task<HubServers> StartAsync(
        int count,
        Action<HubPresenceOptions>? configure = null,
        Action<IServiceCollection>? services = null,
        Action<ISignalRServerBuilder>? after = null)
    {
        var (servers, cluster, keys) = (new HubServers(), new InMemoryCluster(), new EphemeralDataProtectionProvider());
        for (var i = 0; i < count; i++)
        {
            var (builder, name) = (WebApplication.CreateSlimBuilder(), $"server {i}");
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            builder.Logging.ClearProviders();
            builder.Services.AddSingleton(_ => cluster.CreateTransport(name));
            builder.Services.AddPresence(options =>
            {
                options.NodeName = name;
                options.Tracker.AddIndex("room", "/status");
            });
            builder.Services.AddSingleton<IUserIdProvider, QueryUser>();
            var signalR = builder.Services.AddSignalR(options => options.MaximumReceiveMessageSize = 1024 * 1024)
                .AddMessagePackProtocol()
                .AddPresence(configure);
            builder.Services.AddSingleton<IDataProtectionProvider>(keys);
            after?.Invoke(signalR);
            services?.Invoke(builder.Services);
            var app = builder.Build();
            // Longer than the tests wait for what a client that does not read may hold back.
            app.MapHub<RoomHub>("/hub", options => options.TransportSendTimeout = TimeSpan.FromMinutes(2));
            // As the guide says: SignalR may end such a connection when a longer message waits for its client.
            app.MapHub<OtherHub>("/other", options =>
            {
                options.AllowStatefulReconnects = true;
                options.TransportMaxBufferSize = 1024 * 1024;
            });
            app.MapHub<Migration.ChatHub>("/chat");
            await app.StartAsync();
            servers._apps.Add(app);
        }

        await TestTimeouts.UntilAsync(
            "the nodes know each other",
            TimeSpan.FromSeconds(30),
            () => Enumerable.Range(0, count).All(
                i => servers.Node(i).Nodes().Count(status => status.Status == "up") == count));
        return servers;
    }

    public Uri AddressOf(int server) => new(_apps[server].Urls.First());

    public Task<HubUser> ConnectAsync(
        int server, string user, bool messagePack = false, string hub = "hub", bool statefulReconnect = false) =>
        HubUser.ConnectAsync($"{_apps[server].Urls.First()}/{hub}?user={user}", messagePack, statefulReconnect);

    public Task UntilKeysAsync(int server, string topic, params string[] keys) => TestTimeouts.UntilAsync(
        $"server {server} lists {string.Join(", ", keys)}",
        TimeSpan.FromSeconds(30),
        () => Node(server).Tracker.List(topic).Select(e => e.Key).SequenceEqual(keys));

    public async ValueTask DisposeAsync()
    {
        foreach (var app in _apps)
        {
            await app.DisposeAsync();
        }
    }

    private sealed class QueryUser : IUserIdProvider
    {
        public string? GetUserId(HubConnectionContext connection) =>
            connection.GetHttpContext()?.Request.Query["user"];
    }
}

/// <summary>What an application writes.</summary>
public class RoomHub(IHubPresence presence) : Hub
{
    public async Task Join(string room)
    {
        await presence.TrackAsync(this, room, Context.UserIdentifier!);
        await presence.PushPresenceAsync(this, room);
    }

    public Task TrackText(string room, string key, string meta) =>
        presence.TrackAsync(this, room, key, PresenceMeta.Parse(meta));

    public Task Update(string room, string meta) =>
        presence.UpdateAsync(this, room, Context.UserIdentifier!, PresenceMeta.Parse(meta));

    public Task Rename(string room, string name) => presence.UpdateAsync(
        this,
        new Topic<NamedUser>(room, NamedUserJson.Default.NamedUser),
        Context.UserIdentifier!,
        user => user with { Name = name });

    public Task<bool> Untrack(string room) => presence.UntrackAsync(this, room, Context.UserIdentifier!);

    public Task Leave() => presence.LeaveAsync(this);

    public Task Push(string room) => presence.PushPresenceAsync(this, room);

    public Task PushView(string room, PresenceView view) => presence.PushPresenceAsync(this, room, view);

    public IAsyncEnumerable<HubPresenceMessage> WatchView(
        string room, PresenceView view, CancellationToken cancellation) =>
        presence.SubscribeAsync(this, room, view, cancellation);

    public Task<bool> StopPush(string room) => presence.StopPushAsync(this, room);

    public async Task<string[]> Keys(string room) =>
        [.. (await presence.ListAsync(this, room)).Select(item => item.Key)];

    public Task<HubPresencePage> Page(string room, string? after, int limit) =>
        presence.PageAsync(this, room, after, limit);

    public IAsyncEnumerable<HubPresenceMessage> Watch(string room, CancellationToken cancellation) =>
        presence.SubscribeAsync(this, room, cancellation);

    public IAsyncEnumerable<HubPresenceChanges<NamedUser>> WatchNamed(string room, CancellationToken cancellation) =>
        presence.SubscribeAsync(this, new Topic<NamedUser>(room, NamedUserJson.Default.NamedUser), cancellation);

    public IAsyncEnumerable<HubKeyChanges> WatchKeys(string[] keys, string within, CancellationToken cancellation) =>
        presence.WatchKeysAsync(this, keys, within, cancellation);

    public Task<string?> Resume(string? token, string room, string meta) => presence.ResumeAsync(
        this, token, () => presence.TrackAsync(this, room, Context.UserIdentifier!, PresenceMeta.Parse(meta)));
}

public sealed class OtherHub(IHubPresence presence) : RoomHub(presence);

public sealed record NamedUser(string Name);

[System.Text.Json.Serialization.JsonSerializable(typeof(NamedUser))]
public sealed partial class NamedUserJson : System.Text.Json.Serialization.JsonSerializerContext;
