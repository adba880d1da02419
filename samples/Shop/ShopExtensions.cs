using Presence.Channels;
using Presence.Dashboard;

namespace Presence.Samples.Shop;

/// <summary>Adds the sample shop to an ASP.NET Core application that has called <c>AddPresence</c>.</summary>
public static class ShopExtensions
{
    /// <summary>Adds the stock of the shop and its view in the dashboard.</summary>
    public static IServiceCollection AddShop(this IServiceCollection services)
    {
        services.AddSingleton<Inventory>();
        services.AddHostedService(s => s.GetRequiredService<Inventory>());
        services.AddSingleton<ShopperStats>();
        services.AddHostedService(s => s.GetRequiredService<ShopperStats>());
        services.AddPresenceDashboardChannel<CartTrackerChannel>(ShopperStats.Presences);
        services.AddPresenceDashboardChannel<StatsChannel>("admin:stats");
        services.AddPresenceDashboardChannel<StatsChannel>("admin:live");
        return services.AddPresenceDashboardView(
            new PresenceDashboardView("shoppers", "Shoppers", "/shop/assets/dashboard-shoppers.js"));
    }

    /// <summary>Adds the channels <c>cart:*</c> and <c>product:*</c> to a socket.</summary>
    public static SocketRoutes AddShop(this SocketRoutes routes) => routes
        .Channel<CartChannel>(CartChannel.Prefix + "*", route => route.Grace = TimeSpan.Zero)
        .Channel<ProductChannel>(ProductChannel.Prefix + "*", route => route.Grace = TimeSpan.Zero);

    /// <summary>
    /// Maps the pages <c>/</c>, <c>/products/{id}</c> and <c>/checkout</c>, and <c>/catalogue</c> as JSON.
    /// </summary>
    public static void MapShop(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapAssets("/shop/assets/");
        endpoints.MapGet("/", (HttpContext http) => SamplePages.Show(http, "shop.html", "Shoes", ShopPages.Products()));
        endpoints.MapGet("/products/{id:int}", (HttpContext http, int id) => Catalogue.FindProduct(id) is { } product
            ? SamplePages.Show(http, "shop.html", product.Name, ShopPages.Product(product))
            : Results.Problem(
                statusCode: StatusCodes.Status404NotFound, title: "Not found", detail: "There is no such product."));
        endpoints.MapGet(
            "/checkout",
            (HttpContext http) => SamplePages.Show(http, "shop.html", "Checkout", ShopPages.Checkout()));
        endpoints.MapGet("/catalogue", (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "public, max-age=300";
            return Results.Json(Catalogue.Products.Select(product => new
            {
                product.Id,
                product.Name,
                product.Cents,
                product.Upper,
                product.Accent,
                Items = product.Items.Select(item => new { item.Id, item.Size }),
            }));
        });
    }
}
