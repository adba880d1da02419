using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Presence.Channels;
using Presence.Channels.Transport;
using Presence.Channels.Transport.LongPoll;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps sockets.</summary>
public static class SocketEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps a socket: clients use the address <paramref name="path"/>, and connect to <c>{path}/websocket</c> or
    /// <c>{path}/longpoll</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException"><c>AddChannels</c> does not declare it.</exception>
    /// <example>
    /// <code>
    /// app.MapSocket&lt;UserSocket&gt;("/socket");
    /// </code>
    /// </example>
    public static IEndpointConventionBuilder MapSocket<TSocket>(this IEndpointRouteBuilder endpoints, string path)
        where TSocket : PresenceSocket
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentException.ThrowIfNullOrEmpty(path);
        var table = endpoints.ServiceProvider.GetService<RouteTable>()
            ?? throw new InvalidOperationException("Call services.AddChannels(...) before MapSocket.");
        table.For(typeof(TSocket));

        var pipeline = endpoints.CreateApplicationBuilder();
        pipeline.Use(static (http, next) =>
        {
            SocketUpgrade.Offer(http);
            return next(http);
        });
        pipeline.UseWebSockets();
        var handshake = new SocketHandshake(typeof(TSocket));
        pipeline.Run(new SocketEndpoint(handshake).HandleAsync);
        var group = endpoints.MapGroup(path.TrimEnd('/'));
        group.Map("/websocket", pipeline.Build());
        group.Map("/longpoll", new LongPollEndpoint(handshake).HandleAsync);
        return group;
    }
}
