using Presence.Channels;
using Presence.Node;

namespace Presence.Samples.Playground;

/// <summary>
/// Adds the sample channels to an ASP.NET Core application that has called <c>AddPresence</c>. Start reading here.
/// </summary>
public static class PlaygroundExtensions
{
    /// <summary>
    /// Adds the socket of signed-in users with <c>recurring</c>, <c>tracked</c>, <c>audience:*</c>, <c>user:*</c> and
    /// <c>room:*</c>.
    /// </summary>
    public static ChannelsBuilder AddPlayground(this ChannelsBuilder channels)
    {
        channels.Services.Configure<PresenceOptions>(options => options.Tracker
            .AddAdaptive(AudienceChannel.Topics, AudienceChannel.Members, AudienceChannel.Sample));
        return channels.Socket<UserSocket>(routes => routes
            .Channel<RecurringChannel>("recurring", NoGrace)
            .Channel<TrackedChannel>("tracked", NoGrace)
            .Channel<AudienceChannel>(AudienceChannel.Topics, NoGrace)
            .Channel<UserChannel>("user:*", NoGrace)
            .Channel<RoomChannel>("room:*"));
    }

    /// <summary>
    /// Adds the channels <c>ping</c>, <c>wild:*</c> and <c>dupe</c> to a socket that anyone may open.
    /// </summary>
    public static SocketRoutes AddPlayground(this SocketRoutes routes) => routes
        .Channel<PingChannel>("ping", NoGrace)
        .Channel<WildChannel>("wild:*", NoGrace)
        .Channel<DupeChannel>("dupe", NoGrace);

    /// <summary>Only rooms resume their presences, with the grace of <c>Presence:Sessions</c>.</summary>
    private static void NoGrace(ChannelRouteOptions route) => route.Grace = TimeSpan.Zero;

    /// <summary>
    /// Maps <c>/auth_socket</c> and, in the environment Development only, <c>/token</c>, <c>/tracked</c> and
    /// <c>/audience</c>.
    /// </summary>
    public static void MapPlayground(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapSocket<UserSocket>("/auth_socket");
        if (endpoints.ServiceProvider.GetRequiredService<IHostEnvironment>().IsDevelopment())
        {
            endpoints.MapAssets("/playground/assets/");
            endpoints.MapDevelopmentToken();
            endpoints.MapGet("/tracked", (HttpContext http) => SamplePages.Show(http, "tracked.html"));
            endpoints.MapGet("/audience", (HttpContext http) => SamplePages.Show(http, "audience.html"));
        }
    }
}
