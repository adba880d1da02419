using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Channels.Transport;

/// <summary>Puts a <see cref="SocketStream"/> between the WebSocket and the web server's connection.</summary>
internal sealed class SocketUpgrade(
    HttpContext http, IHttpUpgradeFeature? upgrade, IHttpExtendedConnectFeature? connect)
    : IHttpUpgradeFeature, IHttpExtendedConnectFeature
{
    private const string SocketTransport = "Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets";

    public bool IsUpgradableRequest => upgrade?.IsUpgradableRequest == true;
    public bool IsExtendedConnect => connect?.IsExtendedConnect == true;
    public string? Protocol => connect?.Protocol;

    /// <summary>Gets the stream; null before the upgrade.</summary>
    public SocketStream? Stream { get; private set; }

    public static void Offer(HttpContext http)
    {
        var upgrade = http.Features.Get<IHttpUpgradeFeature>();
        var connect = http.Features.Get<IHttpExtendedConnectFeature>();
        var offered = new SocketUpgrade(http, upgrade, connect);
        http.Features.Set(offered);
        if (upgrade is not null)
        {
            http.Features.Set<IHttpUpgradeFeature>(offered);
        }

        if (connect is not null)
        {
            http.Features.Set<IHttpExtendedConnectFeature>(offered);
        }
    }

    public async Task<Stream> UpgradeAsync()
    {
        var connection = await upgrade!.UpgradeAsync();
        var options = http.RequestServices.GetRequiredService<IOptions<ChannelOptions>>().Value;
        return Stream = options.DirectSockets && BareSocket() is { } socket
            ? new DirectSocketStream(connection, socket, AcceptsFrames)
            : new SocketStream(connection, AcceptsFrames);
    }

    /// <summary>Accepts a WebSocket over HTTP/2, which shares its connection with other requests.</summary>
    public async ValueTask<Stream> AcceptAsync() =>
        Stream = new SocketStream(await connect!.AcceptAsync(), AcceptsFrames);

    // With compression each client has its own encoding of a frame.
    private bool AcceptsFrames => http.Response.Headers.SecWebSocketExtensions.Count == 0;

    /// <summary>Returns the socket if no pipe (TLS, connection middleware) is before it.</summary>
    private Socket? BareSocket()
    {
        var transport = http.Features.Get<IConnectionTransportFeature>();
        var assembly = transport?.GetType().Assembly;
        return assembly?.GetName().Name == SocketTransport && transport!.Transport.GetType().Assembly == assembly
            ? http.Features.Get<IConnectionSocketFeature>()?.Socket
            : null;
    }
}
