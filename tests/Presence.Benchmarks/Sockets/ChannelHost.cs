using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Benchmarks.Sockets;

/// <summary>
/// The server of the socket measurements: one node with a plain and a presence channel, as a separate process.
/// </summary>
internal static class ChannelHost
{
    /// <summary>The argument that starts this program as the server.</summary>
    public const string Verb = "serve-channels";

    /// <summary>Serves until standard input ends.</summary>
    public static async Task<int> RunAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<SocketTransportOptions>(o => o.UnsafePreferInlineScheduling = true);
        builder.Services.AddPresence(presence => presence.NodeName = "bench");
        builder.Services.Configure<ChannelLimits>(limits =>
        {
            // The load comes from one address, as fast as it can.
            (limits.MaxFramesPerSecond, limits.MaxBytesPerSecond, limits.BusyDelay) = (0, 0, TimeSpan.Zero);
            (limits.MaxHandshakesPerAddress, limits.MaxHandshakesPerSecond, limits.MaxSocketsPerAddress) = (0, 0, 0);
        });
        builder.Services.AddChannels(channels => channels.Socket<GuestSocket>(socket => socket
            .Channel<PlainChannel>("plain:*")
            .Channel<RoomChannel>("room:*")));
        await using var app = builder.Build();
        app.MapSocket<GuestSocket>("/socket");
        await app.StartAsync();
        var server = app.Services.GetRequiredService<IServer>();
        var address = server.Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Console.WriteLine(new Uri(address).Port);
        await Console.In.ReadToEndAsync();
        // Does not wait for the sockets: the shutdown is not measured.
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    private sealed class GuestSocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect)
        {
            Assigns["user_id"] = connect.Parameter("user_id");
            return new(ConnectResult.Accepted);
        }
    }

    private sealed class PlainChannel : Channel
    {
        protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

        protected override ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
        {
            Broadcast(name, payload);
            return new(ChannelResult.NoReply);
        }
    }

    private sealed class RoomChannel(TimeProvider time) : Channel
    {
        protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            var meta = PresenceMeta.From(new { online_at = time.GetUtcNow().ToUnixTimeMilliseconds() });
            await TrackAsync((string)Socket.Assigns["user_id"]!, meta);
            PushPresence();
            return JoinResult.Ok();
        }
    }
}
