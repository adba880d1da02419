using Presence.Channels;

namespace Presence.Silo;

/// <summary>Puts the sample shop into a member.</summary>
internal static class ShopExtensions
{
    public static IServiceCollection AddShop(this IServiceCollection services)
    {
        services.AddSingleton<Inventory>();
        services.AddHostedService(s => s.GetRequiredService<Inventory>());
        return services.AddChannels(channels => channels.Socket<OpenSocket>(routes => routes
            .Channel<CartChannel>(CartChannel.Prefix + "*")
            .Channel<ProductChannel>(ProductChannel.Prefix + "*")));
    }

    public static void MapShop(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/", (HttpContext http) => Page.Show(http, "shop.html", "Shoes", ShopPages.Products()));
        endpoints.MapGet("/products/{id:int}", (HttpContext http, int id) => Catalogue.FindProduct(id) is { } product
            ? Page.Show(http, "shop.html", product.Name, ShopPages.Product(product))
            : Results.Problem(statusCode: StatusCodes.Status404NotFound, title: "Not found", detail: "There is no such product."));
        endpoints.MapGet("/checkout", (HttpContext http) => Page.Show(http, "shop.html", "Checkout", ShopPages.Checkout()));
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
