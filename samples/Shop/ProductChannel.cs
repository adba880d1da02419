using System.Globalization;
using Presence.Channels;

namespace Presence.Samples.Shop;

/// <summary>Serves <c>product:ID</c>: sends the stock of a product after the join and after each change.</summary>
internal sealed class ProductChannel(Inventory inventory) : Channel
{
    public const string Prefix = "product:";

    private Product? _product;

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        _product = int.TryParse(Topic[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? Catalogue.FindProduct(id)
            : null;
        return new(_product is null ? JoinResult.Error(new { reason = "there is no such product" }) : JoinResult.Ok());
    }

    protected override ValueTask AfterJoinAsync()
    {
        Push(Inventory.Event, inventory.StockOf(_product!));
        return default;
    }
}
