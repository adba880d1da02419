using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Channels;

/// <summary>Decides who may connect to one kind of socket, by whatever transport.</summary>
internal sealed class SocketDoor(Type socketType)
{
    public Type SocketType => socketType;

    /// <summary>Whether the page that asks may connect; a refusal is logged and counted.</summary>
    public static bool AllowsOrigin(ChannelServer server, HttpContext http)
    {
        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        if (OriginCheck.Allows(http.Request, options.AllowedOrigins))
        {
            return true;
        }

        server.Log.OriginRefused(http.Request.Headers.Origin.ToString());
        server.Instruments.Refused("origin");
        return false;
    }

    /// <summary>Asks the application, after version and room were looked at. Refusals are counted.</summary>
    public async ValueTask<Admission> AdmitAsync(ChannelServer server, HttpContext http, string? token)
    {
        if (FrameSerializers.Find(http.Request.Query["vsn"]) is not { } serializer)
        {
            return Refuse(server, StatusCodes.Status403Forbidden, "version");
        }

        var routes = http.RequestServices.GetRequiredService<RouteTable>().For(socketType);
        if (await ConnectAsync(server, http, routes, token) is not { } socket)
        {
            return Refuse(server, StatusCodes.Status403Forbidden, "connect");
        }

        return server.IsLeaving || server.Sockets.Count >= server.Limits.MaxSockets
            ? Refuse(server, StatusCodes.Status503ServiceUnavailable, "full")
            : new Admission(StatusCodes.Status200OK, socket, routes, serializer);
    }

    private static Admission Refuse(ChannelServer server, int status, string reason)
    {
        server.Instruments.Refused(reason);
        return new Admission(status, null!, null!, null!);
    }

    private static async ValueTask<PresenceSocket?> ConnectAsync(
        ChannelServer server, HttpContext http, SocketRoutes routes, string? token)
    {
        try
        {
            var socket = routes.Create(server.Services);
            return await socket.ConnectAsync(new SocketConnect(http, token)) == ConnectResult.Accept ? socket : null;
        }
        catch (Exception e)
        {
            server.Log.ConnectCrashed(e, routes.SocketType.Name);
            server.Instruments.Crashed("connect");
            return null;
        }
    }
}

/// <summary>What the door says: with status 200 somebody came in, otherwise the rest is null.</summary>
internal readonly record struct Admission(
    int Status,
    PresenceSocket Socket,
    SocketRoutes Routes,
    IFrameSerializer Serializer)
{
    public bool IsAdmitted => Status == StatusCodes.Status200OK;
}
