using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Channels;

/// <summary>Puts a <see cref="SocketStream"/> between the WebSocket and the web server's connection.</summary>
internal sealed class SocketUpgrade(HttpContext http, IHttpUpgradeFeature upgrade) : IHttpUpgradeFeature
{
    private const string SocketTransport = "Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets";

    public bool IsUpgradableRequest => upgrade.IsUpgradableRequest;

    /// <summary>Gets the stream; null before the upgrade.</summary>
    public SocketStream? Stream { get; private set; }

    public static void Offer(HttpContext http)
    {
        if (http.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade)
        {
            http.Features.Set<IHttpUpgradeFeature>(new SocketUpgrade(http, upgrade));
        }
    }

    public async Task<Stream> UpgradeAsync()
    {
        var connection = await upgrade.UpgradeAsync();

        // With compression each client has its own form of a frame.
        var acceptsFrames = http.Response.Headers.SecWebSocketExtensions.Count == 0;
        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        return Stream = options.DirectSockets && BareSocket() is { } socket
            ? new DirectSocketStream(connection, socket, acceptsFrames)
            : new SocketStream(connection, acceptsFrames);
    }

    /// <summary>
    /// Returns the socket if nothing stands between the web server and it. TLS or middleware of the connection puts a pipe of its own
    /// into the connection.
    /// </summary>
    private Socket? BareSocket()
    {
        var transport = http.Features.Get<IConnectionTransportFeature>();
        var assembly = transport?.GetType().Assembly;
        return assembly?.GetName().Name == SocketTransport && transport!.Transport.GetType().Assembly == assembly
            ? http.Features.Get<IConnectionSocketFeature>()?.Socket
            : null;
    }
}
