using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Channels;

/// <summary>Answers <c>…/websocket</c>: who may connect, and by which version of the protocol.</summary>
internal sealed class SocketEndpoint(Type socketType)
{
    private const string Phoenix = "phoenix";

    public async Task HandleAsync(HttpContext http)
    {
        var server = http.RequestServices.GetRequiredService<ChannelServer>();
        if (!http.WebSockets.IsWebSocketRequest)
        {
            Refuse(server, http, StatusCodes.Status400BadRequest, "not_a_websocket");
            return;
        }

        if (FrameSerializers.Find(http.Request.Query["vsn"]) is not { } serializer)
        {
            Refuse(server, http, StatusCodes.Status403Forbidden, "version");
            return;
        }

        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        if (!OriginCheck.Allows(http.Request, options.AllowedOrigins))
        {
            server.Log.OriginRefused(http.Request.Headers.Origin.ToString());
            Refuse(server, http, StatusCodes.Status403Forbidden, "origin");
            return;
        }

        var routes = http.RequestServices.GetRequiredService<RouteTable>().For(socketType);
        if (await ConnectAsync(server, http, routes) is not { } socket)
        {
            Refuse(server, http, StatusCodes.Status403Forbidden, "connect");
            return;
        }

        if (server.IsLeaving || server.Sockets.Count >= server.Limits.MaxSockets)
        {
            Refuse(server, http, StatusCodes.Status503ServiceUnavailable, "full");
            return;
        }

        await ServeAsync(server, http, socket, routes, serializer);
    }

    private static async Task ServeAsync(
        ChannelServer server,
        HttpContext http,
        PresenceSocket socket,
        SocketRoutes routes,
        IFrameSerializer serializer)
    {
        using var webSocket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(Phoenix) ? Phoenix : null,

            // The protocol has heartbeats of its own; a ping per socket would cost a timer each.
            KeepAliveInterval = Timeout.InfiniteTimeSpan,
        });
        var transport = new WebSocketTransport(server, webSocket);
        var session = new SocketSession(server, socket, routes, serializer, transport);
        if (!server.Sockets.TryAdd(session))
        {
            await webSocket.CloseOutputAsync((WebSocketCloseStatus)CloseCodes.ServiceRestart, null, default);
            return;
        }

        try
        {
            session.Open();
            await transport.RunAsync(session);
        }
        finally
        {
            session.End();
            server.Sockets.Remove(session);
        }
    }

    private static async ValueTask<PresenceSocket?> ConnectAsync(ChannelServer server, HttpContext http, SocketRoutes routes)
    {
        try
        {
            var socket = routes.Create(server.Services);
            var connect = new SocketConnect(http, SocketTokenReader.Read(http));
            return await socket.ConnectAsync(connect) == ConnectResult.Accept ? socket : null;
        }
        catch (Exception e)
        {
            server.Log.ConnectCrashed(e, routes.SocketType.Name);
            server.Instruments.Crashed("connect");
            return null;
        }
    }

    private static void Refuse(ChannelServer server, HttpContext http, int status, string reason)
    {
        server.Instruments.Refused(reason);
        http.Response.StatusCode = status;
    }
}
