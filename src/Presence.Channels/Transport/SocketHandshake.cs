using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;
using Presence.Node.Hosting;

namespace Presence.Channels.Transport;

/// <summary>Decides whether a client may connect to a socket, over either transport.</summary>
internal sealed class SocketHandshake(Type socketType)
{
    public Type SocketType => socketType;

    /// <summary>Returns whether the origin is allowed; logs and counts a rejection.</summary>
    public static bool AllowsOrigin(ChannelServer server, HttpContext http)
    {
        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        if (OriginCheck.Allows(http.Request, options.AllowedOrigins))
        {
            return true;
        }

        server.Log.OriginRejected(http.Request.Headers.Origin.ToString());
        server.Instruments.Rejected("origin");
        return false;
    }

    /// <summary>Checks version, application and capacity; counts rejections.</summary>
    public async ValueTask<HandshakeResult> RunAsync(ChannelServer server, HttpContext http, string? token)
    {
        var address = ClientAddress.KeyOf(http.Connection.RemoteIpAddress);
        if (!server.Handshakes.TryAcquire(address))
        {
            return Reject(server, StatusCodes.Status429TooManyRequests, "rate");
        }

        if (server.Sockets.Obstacle(address, null) is { } early)
        {
            return Reject(server, StatusOf(early), early);
        }

        if (FrameSerializers.Find(http.Request.Query["vsn"]) is not { } serializer)
        {
            return Reject(server, StatusCodes.Status403Forbidden, "version");
        }

        var routes = http.RequestServices.GetRequiredService<RouteTable>().For(socketType);
        if (await ConnectAsync(server, http, routes, token) is not { } socket)
        {
            return Reject(server, StatusCodes.Status403Forbidden, "connect");
        }

        if (socket.Token is { } accepted && (accepted.ExpiresAt <= server.Time.GetUtcNow()
            || server.Revocations?.IsRevoked(accepted) == true))
        {
            return Reject(server, StatusCodes.Status403Forbidden, "token");
        }

        var obstacle = server.IsLeaving ? SocketRegistry.Full : server.Sockets.Obstacle(address, socket.Id);
        return obstacle is not null
            ? Reject(server, StatusOf(obstacle), obstacle)
            : new HandshakeResult(StatusCodes.Status200OK, socket, routes, serializer) { Address = address };
    }

    private static int StatusOf(string obstacle) => obstacle == SocketRegistry.Full
        ? StatusCodes.Status503ServiceUnavailable
        : StatusCodes.Status429TooManyRequests;

    /// <summary>Sets the status of a rejection.</summary>
    public static void Answer(HttpContext http, int status)
    {
        http.Response.StatusCode = status;
        if (status == StatusCodes.Status429TooManyRequests)
        {
            http.Response.Headers.RetryAfter = "1";
        }
    }

    private static HandshakeResult Reject(ChannelServer server, int status, string reason)
    {
        server.Instruments.Rejected(reason);
        return new HandshakeResult(status, null!, null!, null!);
    }

    private static async ValueTask<PresenceSocket?> ConnectAsync(
        ChannelServer server, HttpContext http, SocketRoutes routes, string? token)
    {
        try
        {
            var socket = routes.Create(server.Services);
            var result = await socket.ConnectAsync(new SocketConnectContext(http, token));
            return result == ConnectResult.Accepted ? socket : null;
        }
        catch (Exception e)
        {
            server.Log.ConnectFailed(e, routes.SocketType.Name);
            server.Instruments.Failed("connect");
            return null;
        }
    }
}

/// <summary>Result of a handshake; without status 200 the other members are null.</summary>
internal readonly record struct HandshakeResult(
    int Status, PresenceSocket Socket, SocketRoutes Routes, IFrameSerializer Serializer)
{
    /// <summary>Gets the key of the client's address.</summary>
    public UInt128 Address { get; init; }

    public bool IsAccepted => Status == StatusCodes.Status200OK;
}
