using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Node;
using Presence.SignalR;
using Presence.Tracker;

namespace Presence.Benchmarks.Hubs;

/// <summary>The server of the measurements of hubs and events, as a separate process.</summary>
internal static class HubHost
{
    /// <summary>The argument that starts this program as the server.</summary>
    public const string Verb = "serve-hubs";

    /// <summary>Serves until standard input ends.</summary>
    public static async Task<int> RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<SocketTransportOptions>(o => o.UnsafePreferInlineScheduling = true);
        builder.Services.AddPresence(presence => presence.NodeName = "bench");
        builder.Services.AddSignalR().AddPresence();
        builder.Services.AddSingleton<Rooms>();
        builder.Services.AddSingleton<RoomBatches>();
        builder.Services.AddHostedService(services => services.GetRequiredService<RoomBatches>());
        builder.Services.AddSingleton<RawEvents>();
        await using var app = builder.Build();
        app.MapHub<BareHub>("/bare", OverWebSockets);
        app.MapHub<NaiveHub>("/naive", OverWebSockets);
        app.MapHub<BatchedHub>("/batched", OverWebSockets);
        app.MapHub<LibraryHub>("/library", OverWebSockets);
        app.MapPresence("/presence");
        app.MapGet("/raw/events", (RawEvents raw, HttpContext http) => raw.StreamAsync(http));
        app.MapGet("/raw/touch", (RawEvents raw) => raw.Publish(
            $$"""{"topic":"room","changes":[{"kind":"updated","key":"ann","n":{{Environment.TickCount64}}}]}"""));
        var session = app.Services.GetRequiredService<IPresenceNode>().OpenSession();
        var tracker = app.Services.GetRequiredService<IPresenceTracker>();
        await tracker.TrackAsync(session, "room", "ann");
        app.MapGet("/touch", async () =>
        {
            await tracker.UpdateAsync(session, "room", "ann", PresenceMeta.From(new { n = Environment.TickCount64 }));
        });
        app.MapGet("/collect", Memory.CleanUp);
        await app.StartAsync();
        Console.WriteLine(new Uri(app.Urls.First()).Port);
        await Console.In.ReadToEndAsync();
        // Does not wait for the connections: the shutdown is not measured.
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    private static void OverWebSockets(HttpConnectionDispatcherOptions options) =>
        options.Transports = HttpTransportType.WebSockets;

    /// <summary>The same with <c>Presence.SignalR</c>.</summary>
    private sealed class LibraryHub(IHubPresence presence) : Hub
    {
        public async Task Join(string room)
        {
            var meta = PresenceMeta.From(new { online_at = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() });
            await presence.TrackAsync(this, room, NaiveHub.User(Context), meta);
            await presence.PushPresenceAsync(this, room);
        }

        public Task Touch(string room)
        {
            var meta = PresenceMeta.From(new { online_at = Environment.TickCount64 });
            return presence.UpdateAsync(this, room, NaiveHub.User(Context), meta);
        }
    }
}
