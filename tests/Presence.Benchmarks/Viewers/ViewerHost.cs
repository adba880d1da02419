using System.Net;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Benchmarks.Hubs;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Benchmarks.Viewers;

/// <summary>
/// The server of the measurements of a large topic, as a separate process: channels and events with counts, and beside
/// them loops that write a message of the same size once a second.
/// </summary>
internal static class ViewerHost
{
    /// <summary>The argument that starts this program as the server.</summary>
    public const string Verb = "serve-viewers";

    /// <summary>Presences at the start: far more than are sent as members.</summary>
    public const int Present = 20_000;

    /// <summary>The path that joins presences at a rate, to the topic that the viewers show or to another.</summary>
    public const string JoinPath = "/join";

    /// <summary>The path of the port for HTTP/2, which has many viewers on one connection.</summary>
    public const string Http2Path = "/http2";

    private const int PerSecond = 1000;

    /// <summary>Serves until standard input ends.</summary>
    public static async Task<int> RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.Configure<SocketTransportOptions>(o => o.UnsafePreferInlineScheduling = true);
        builder.Services.AddPresence(presence =>
        {
            presence.NodeName = "bench";
            presence.Tracker.AddAdaptive("crowd");
        });
        builder.Services.Configure<ChannelLimits>(limits =>
            (limits.MaxHandshakesPerAddress, limits.MaxHandshakesPerSecond, limits.MaxSocketsPerAddress) = (0, 0, 0));
        builder.Services.AddChannels(channels => channels.Socket<ViewerSocket>(
            socket => socket.Channel<CrowdChannel>("crowd")));
        builder.Services.AddSingleton<RawEvents>();
        builder.Services.AddSingleton<RawSockets>();
        await using var app = builder.Build();
        app.UseWebSockets();
        app.MapSocket<ViewerSocket>("/socket");
        app.MapPresence("/presence");
        app.MapGet("/raw/events", (RawEvents raw, HttpContext http) => raw.StreamAsync(http));
        app.Map("/raw/socket", (RawSockets raw, HttpContext http) => raw.StreamAsync(http));
        var node = app.Services.GetRequiredService<IPresenceNode>();
        await app.StartAsync();
        await JoinAsync(node, "crowd", 0, Present);
        app.MapGet(JoinPath, (string topic, int seconds) =>
        {
            // The answer does not wait for it.
            _ = JoinAtRateAsync(app.Services, topic, seconds);
        });
        app.MapGet(Http2Path, () => new Uri(app.Urls.Last()).Port);
        Console.WriteLine(new Uri(app.Urls.First()).Port);
        await Console.In.ReadToEndAsync();
        // Does not wait for the connections: the shutdown is not measured.
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    private static async Task JoinAsync(IPresenceNode node, string topic, int from, int count)
    {
        var session = node.OpenSession();
        for (var i = from; i < from + count; i++)
        {
            await node.Tracker.TrackAsync(
                session, topic, $"user_{i:D6}", PresenceMeta.From(new { online_at = 1_764_000_000_000 + i }));
        }
    }

    /// <summary>Joins a thousand a second, a tenth of them at a time, and publishes to the loops each second.</summary>
    private static async Task JoinAtRateAsync(IServiceProvider services, string topic, int seconds)
    {
        var node = services.GetRequiredService<IPresenceNode>();
        var (events, sockets) = (services.GetRequiredService<RawEvents>(), services.GetRequiredService<RawSockets>());
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var step = 0; step < seconds * 10; step++)
        {
            await timer.WaitForNextTickAsync();
            await JoinAsync(node, topic, Present + (step * PerSecond / 10), PerSecond / 10);
            if (step % 10 == 9)
            {
                var count = Present + (step * PerSecond / 10);
                var counts = $$"""{"topic":"crowd","count":{{count}},"keys":{{count}}"""
                    + $$""","exact":true,"at":{{DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()}}}""";
                events.Publish(counts);
                sockets.Publish($"""["1",null,"crowd","presence_counts",{counts}]""");
            }
        }
    }

    private sealed class ViewerSocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
            new(ConnectResult.Accepted);
    }

    private sealed class CrowdChannel : Channel
    {
        protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            PushPresence();
            return new(JoinResult.Ok());
        }
    }

    /// <summary>The least that a message can cost: one array for all viewers, written by a loop of each.</summary>
    private sealed class RawSockets
    {
        private volatile TaskCompletionSource<byte[]> _next = NewSource();

        public async Task StreamAsync(HttpContext http)
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync();
            while (true)
            {
                var bytes = await _next.Task.WaitAsync(http.RequestAborted);
                await socket.SendAsync(bytes, WebSocketMessageType.Text, true, http.RequestAborted);
            }
        }

        public void Publish(string text)
        {
            var published = _next;
            _next = NewSource();
            published.SetResult(Encoding.UTF8.GetBytes(text));
        }

        private static TaskCompletionSource<byte[]> NewSource() =>
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
