using Presence.Samples;
using Presence.Samples.Playground;
using Presence.Samples.Shop;

namespace Presence.Silo;

/// <summary>The samples Shop and Playground (<c>Presence:Samples</c>).</summary>
internal static class Samples
{
    public static void AddSamples(this IServiceCollection services) => services
        .AddShop()
        .AddChannels(
            channels => channels.AddPlayground().Socket<AnyoneSocket>(routes => routes.AddShop().AddPlayground()));

    public static void MapSamples(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapSocket<AnyoneSocket>("/socket");
        endpoints.MapShop();
        endpoints.MapPlayground();
    }
}
