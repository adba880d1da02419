using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Presence.Channels;
using Presence.Channels.Presences;
using Presence.Channels.Runtime;
using Presence.Channels.Sessions;
using Presence.Channels.Tokens;
using Presence.Channels.Transport.LongPoll;
using Presence.Node;
using Presence.Node.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers sockets and channels.</summary>
public static class ChannelsServiceCollectionExtensions
{
    /// <summary>
    /// Adds sockets and channels. Requires a node of the cluster (<c>AddPresence</c>). Limits are read from
    /// <c>Presence:Limits</c>, origins from <c>Presence:AllowedOrigins</c>, the grace of sessions from
    /// <c>Presence:Sessions</c>; all are checked at start.
    /// </summary>
    /// <example>
    /// <code>
    /// builder.Services.AddChannels(channels =&gt; channels.Socket&lt;UserSocket&gt;(
    ///     routes =&gt; routes.Channel&lt;RoomChannel&gt;("room:*")));
    /// </code>
    /// </example>
    public static IServiceCollection AddChannels(this IServiceCollection services, Action<ChannelsBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var added = services.FirstOrDefault(s => s.ServiceType == typeof(RouteTable));
        var table = added?.ImplementationInstance as RouteTable;
        if (table is null)
        {
            table = new RouteTable();
            services.AddSingleton(table);
            AddServer(services);
        }

        configure(new ChannelsBuilder(services, table));
        return services;
    }

    private static void AddServer(IServiceCollection services)
    {
        services.AddBoundOptions<ChannelLimits>(ChannelLimits.Section, static o => o.Validate());
        services.AddBoundOptions<ChannelOptions>("Presence", static o => o.Validate());
        services.AddBoundOptions<ChannelSessionOptions>(ChannelSessionOptions.Section, static o => o.Validate());
        services.AddMetrics();
        if (!services.Any(s => s.ServiceType == typeof(IDataProtectionProvider)))
        {
            // A host with keys of its own needs no second key ring on the disk.
            services.AddDataProtection();
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ChannelInstruments>();
        services.AddSingleton(s => new SocketTokens(
            s.GetRequiredService<IDataProtectionProvider>(),
            s.GetRequiredService<TimeProvider>(),
            s.GetRequiredService<ChannelInstruments>(),
            s.GetRequiredService<SocketRevocations>()));
        services.AddSingleton<SocketRevocations>();
        services.AddHostedService(s => s.GetRequiredService<SocketRevocations>());
        services.AddSingleton<ResumeTokens>();
        services.AddSingleton<ChannelServer>();
        services.AddSingleton<LongPollForwarder>();
        services.AddSingleton<LongPollConnections>();
        services.AddSingleton<LongPollRequests>();
        services.AddSingleton<IChannelBroadcaster>(s => s.GetRequiredService<ChannelServer>().Broadcaster);
        services.AddSingleton<IDrainParticipant, ChannelDrain>();
        services.AddHostedService<PresenceMetasHandlers>();
    }
}
