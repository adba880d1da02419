using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Channels;

/// <summary>Answers <c>…/websocket</c>.</summary>
internal sealed class SocketEndpoint(SocketDoor door)
{
    private const string Phoenix = "phoenix";

    public async Task HandleAsync(HttpContext http)
    {
        var server = http.RequestServices.GetRequiredService<ChannelServer>();
        if (!http.WebSockets.IsWebSocketRequest)
        {
            server.Instruments.Refused("not_a_websocket");
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        if (!SocketDoor.AllowsOrigin(server, http))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        var admission = await door.AdmitAsync(server, http, SocketTokenReader.OfWebSocket(http));
        if (!admission.IsAdmitted)
        {
            http.Response.StatusCode = admission.Status;
            return;
        }

        await ServeAsync(server, http, admission);
    }

    private static async Task ServeAsync(ChannelServer server, HttpContext http, Admission admission)
    {
        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        using var webSocket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            SubProtocol = http.WebSockets.WebSocketRequestedProtocols.Contains(Phoenix) ? Phoenix : null,

            // The protocol has heartbeats of its own; a ping per socket would cost a timer each.
            KeepAliveInterval = Timeout.InfiniteTimeSpan,

            // A window that is kept between messages is 32 KiB and more for each direction of each socket.
            DangerousEnableCompression = options.CompressSockets,
            DisableServerContextTakeover = true,
        });
        var transport = new WebSocketTransport(
            server, webSocket, (http.Features.Get<IHttpUpgradeFeature>() as SocketUpgrade)?.Stream);
        var session = new SocketSession(server, admission.Socket, admission.Routes, admission.Serializer, transport);
        if (!server.Sockets.TryAdd(session))
        {
            await webSocket.CloseOutputAsync(
                (System.Net.WebSockets.WebSocketCloseStatus)CloseCodes.ServiceRestart, null, default);
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
}
