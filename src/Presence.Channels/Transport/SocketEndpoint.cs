using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport;

/// <summary>Answers <c>…/websocket</c>.</summary>
internal sealed class SocketEndpoint(SocketHandshake handshake)
{
    private const string Phoenix = "phoenix";

    public async Task HandleAsync(HttpContext http)
    {
        var server = http.RequestServices.GetRequiredService<ChannelServer>();
        if (!http.WebSockets.IsWebSocketRequest)
        {
            server.Instruments.Rejected("not_a_websocket");
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        if (!SocketHandshake.AllowsOrigin(server, http))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        var result = await handshake.RunAsync(server, http, SocketTokenReader.OfWebSocket(http));
        if (!result.IsAccepted)
        {
            SocketHandshake.Answer(http, result.Status);
            return;
        }

        await ServeAsync(server, http, result);
    }

    private static async Task ServeAsync(ChannelServer server, HttpContext http, HandshakeResult result)
    {
        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        using var webSocket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(Phoenix) ? Phoenix : null,

            // The protocol has heartbeats of its own; pings would cost a timer per socket.
            KeepAliveInterval = Timeout.InfiniteTimeSpan,

            // A window kept between messages takes at least 32 KiB per direction and socket.
            DangerousEnableCompression = options.CompressSockets,
            DisableServerContextTakeover = true,
        });
        var transport = new WebSocketTransport(
            server, webSocket, http.Features.Get<SocketUpgrade>()?.Stream, http);
        var connection = new SocketConnection(server, result.Socket, result.Routes, result.Serializer, transport)
        {
            Address = result.Address,
        };
        if (!server.Sockets.TryAdd(connection))
        {
            await webSocket.CloseOutputAsync(
                (System.Net.WebSockets.WebSocketCloseStatus)CloseCodes.ServiceRestart, null, default);
            return;
        }

        try
        {
            connection.Open();
            await transport.RunAsync(connection);
        }
        finally
        {
            connection.End();
            server.Sockets.Remove(connection);
        }
    }
}
