using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Presence.Channels;

/// <summary>
/// Puts a <see cref="StraightStream"/> below the WebSocket where nothing stands between the web server and the operating system: no TLS,
/// no log of bytes, no other transport.
/// </summary>
internal sealed class StraightUpgrade(HttpContext http, IHttpUpgradeFeature upgrade, Socket socket) : IHttpUpgradeFeature
{
    private const string SocketTransport = "Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets";

    public bool IsUpgradableRequest => upgrade.IsUpgradableRequest;

    /// <summary>The stream, once there is one.</summary>
    public StraightStream? Stream { get; private set; }

    public static void Offer(HttpContext http)
    {
        if (http.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade
            && http.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket
            && IsBare(http.Features.Get<IConnectionTransportFeature>()))
        {
            http.Features.Set<IHttpUpgradeFeature>(new StraightUpgrade(http, upgrade, socket));
        }
    }

    public async Task<Stream> UpgradeAsync() =>
        Stream = new StraightStream(await upgrade.UpgradeAsync(), socket, takesFrames: !IsCompressed(http));

    /// <summary>Whether client and server have agreed to compress: then each client has its own form of a frame.</summary>
    private static bool IsCompressed(HttpContext http) => http.Response.Headers.SecWebSocketExtensions.Count > 0;

    /// <summary>Whoever changes the bytes on their way puts a pipe of their own into the connection.</summary>
    private static bool IsBare(IConnectionTransportFeature? connection)
    {
        var assembly = connection?.GetType().Assembly;
        return assembly?.GetName().Name == SocketTransport && connection!.Transport.GetType().Assembly == assembly;
    }
}
