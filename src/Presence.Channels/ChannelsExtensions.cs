using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Presence.Node;

namespace Presence.Channels;

/// <summary>Adds channels to an application.</summary>
public static class ChannelsExtensions
{
    /// <summary>
    /// Adds sockets and channels. Needs a member of the cluster (<c>AddPresence</c>). Limits come from
    /// <c>Presence:Limits</c>, origins from <c>Presence:AllowedOrigins</c>; both are checked at start.
    /// </summary>
    public static IServiceCollection AddChannels(this IServiceCollection services, Action<ChannelsBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var table = services.FirstOrDefault(s => s.ServiceType == typeof(RouteTable))?.ImplementationInstance as RouteTable;
        if (table is null)
        {
            table = new RouteTable();
            services.AddSingleton(table);
            AddServer(services);
        }

        configure(new ChannelsBuilder(services, table));
        return services;
    }

    /// <summary>
    /// Serves a kind of socket: clients are given <paramref name="path"/>, and connect to <c>{path}/websocket</c> or
    /// <c>{path}/longpoll</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The socket was not declared with <see cref="AddChannels"/>.</exception>
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
        var door = new SocketDoor(typeof(TSocket));
        pipeline.Run(new SocketEndpoint(door).HandleAsync);
        var group = endpoints.MapGroup(path.TrimEnd('/'));
        group.Map("/websocket", pipeline.Build());
        group.Map("/longpoll", new LongPollEndpoint(door).HandleAsync);
        return group;
    }

    private static void AddServer(IServiceCollection services)
    {
        services.AddBoundOptions<ChannelLimits>(ChannelLimits.Section, static o => o.Validate());
        services.AddBoundOptions<ChannelOptions>("Presence", static o => o.Validate());
        services.AddMetrics();
        if (!services.Any(s => s.ServiceType == typeof(IDataProtectionProvider)))
        {
            // A host that brings its own keys wants no second ring on the disk.
            services.AddDataProtection();
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ChannelInstruments>();
        services.AddSingleton(s => new SocketTokens(
            s.GetRequiredService<IDataProtectionProvider>(),
            s.GetRequiredService<TimeProvider>(),
            s.GetRequiredService<ChannelInstruments>()));
        services.AddSingleton<ChannelServer>();
        services.AddSingleton<LongPollSessions>();
        services.AddSingleton<IChannelBroadcaster>(s => s.GetRequiredService<ChannelServer>().Broadcaster);
        services.AddSingleton<IDrainStep, ChannelDrain>();
        services.AddHostedService<MetasHandlers>();
    }
}

/// <summary>Lets go of the sockets after the member has said farewell, and before the web server waits for them.</summary>
internal sealed class ChannelDrain(ChannelServer server) : IDrainStep
{
    public Task DrainAsync(CancellationToken cancellation) => server.Sockets.DrainAsync(cancellation);
}
