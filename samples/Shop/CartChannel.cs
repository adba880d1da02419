using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Samples.Shop;

/// <summary>
/// Serves <c>cart:ID</c>: an open page of a shopper. The browser stores the cart, signed, and sends it at the join; the
/// pages of a cart synchronize each other across nodes. Admins see each page, other shoppers do not.
/// </summary>
internal sealed class CartChannel(SocketTokens tokens, Inventory inventory, TimeProvider time) : Channel
{
    public const string Prefix = "cart:";
    private const int IdLength = 64;
    private const int MaxPage = 200;

    /// <summary>The topic of the presences; in the cart's own topic its pages would receive each other's.</summary>
    private const string TrackerTopic = "admin:cart_tracker";
    private const string TokenPurpose = "cart";
    private const string State = "cart_state";

    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(30);

    private readonly uint _writer = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));
    private readonly long _loadedAt = time.GetUtcNow().ToUnixTimeMilliseconds();
    private Cart _cart = Cart.Empty;
    private string? _page;

    protected override IReadOnlyCollection<string> InterceptedEvents { get; } = [State];

    private string Id => Topic[Prefix.Length..];

    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        if (Id.Length != IdLength)
        {
            return JoinResult.Error(new { reason = $"the ID of a cart has {IdLength} characters" });
        }

        var parameters = Object(payload);
        _cart = ReadStored(Text(parameters, "serialized"));
        _page = Text(parameters, "page") is { } page ? page[..Math.Min(page.Length, MaxPage)] : null;
        try
        {
            await TrackAsync(Id, Meta(), TrackerTopic);
        }
        catch (Exception e) when (e is PresenceLimitException or PresenceOverloadException)
        {
            return JoinResult.Error(new { reason = e.Message });
        }

        return JoinResult.Ok();
    }

    protected override ValueTask AfterJoinAsync()
    {
        Push("cart", View());
        // A page with a newer cart than this browser's answers.
        Publish(hello: true);
        return default;
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) => name switch
    {
        "add_item" => await ChangeAsync(payload, isIn: true),
        "remove_item" => await ChangeAsync(payload, isIn: false),
        "checkout" => await CheckOutAsync(),
        _ => await base.HandleInAsync(name, payload),
    };

    /// <summary>Merges the state of another page of this cart.</summary>
    protected override async ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        if (payload.As<CartMessage>() is not { } message)
        {
            return;
        }

        var received = Cart.Parse(message.Cart);
        var merged = _cart.Merge(received);
        if (!merged.Equals(_cart))
        {
            await SetCartAsync(merged);
            Push("cart", View());
        }

        if (message.Hello && !merged.Equals(received))
        {
            Publish(hello: false);
        }
    }

    private async ValueTask<ChannelResult> ChangeAsync(ChannelPayload payload, bool isIn)
    {
        if (!TryItem(Object(payload), out var item))
        {
            return ChannelResult.Error(new { reason = "there is no such item: give {item_id}" });
        }

        if (isIn && inventory.Left(item) == 0)
        {
            return ChannelResult.Error(new { reason = "sold out", sold_out = new[] { item } });
        }

        if (_cart.Contains(item) != isIn)
        {
            await SetCartAsync(_cart.With(item, isIn, _writer));
            Publish(hello: false);
        }

        return ChannelResult.Ok(View());
    }

    private async ValueTask<ChannelResult> CheckOutAsync()
    {
        var items = _cart.Items;
        if (items.Count == 0)
        {
            return ChannelResult.Error(new { reason = "the cart is empty" });
        }

        if (inventory.TryBuy(items) is { Count: > 0 } missing)
        {
            return ChannelResult.Error(new { reason = "sold out", sold_out = missing });
        }

        await SetCartAsync(items.Aggregate(_cart, (cart, item) => cart.With(item, isIn: false, _writer)));
        Publish(hello: false);
        var order = Convert.ToHexString(RandomNumberGenerator.GetBytes(4));
        Push("cart", View());
        return ChannelResult.Ok(new { order, items });
    }

    private async ValueTask SetCartAsync(Cart cart)
    {
        _cart = cart;
        await UpdateAsync(Id, Meta(), TrackerTopic);
    }

    private void Publish(bool hello) =>
        BroadcastFrom(State, ChannelPayload.From(new CartMessage(_cart.ToString(), hello)));

    private PresenceMeta Meta() => PresenceMeta.From(new Tracked(_page, _loadedAt, _cart.Items));

    private CartView View() => new(_cart.Items, tokens.Create(TokenPurpose, $"{Id} {_cart}", TokenLifetime));

    /// <summary>Returns the cart that the browser stored; an empty one if its signature is not valid here.</summary>
    private Cart ReadStored(string? serialized)
    {
        if (tokens.TryRead(TokenPurpose, serialized) is not { } text
            || !text.StartsWith(Id + " ", StringComparison.Ordinal))
        {
            return Cart.Empty;
        }

        try
        {
            return Cart.Parse(text[(IdLength + 1)..]);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            // Another version of the shop signed it.
            return Cart.Empty;
        }
    }

    private static bool TryItem(JsonElement payload, out int item)
    {
        item = 0;
        return payload.ValueKind == JsonValueKind.Object
            && payload.TryGetProperty("item_id", out var id)
            && (id.ValueKind == JsonValueKind.Number
                ? id.TryGetInt32(out item)
                : int.TryParse(id.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out item))
            && Catalogue.FindItem(item) is not null;
    }

    private static JsonElement Object(ChannelPayload payload) => payload.IsBinary ? default : payload.ToElement();

    private static string? Text(JsonElement payload, string name) =>
        payload.ValueKind == JsonValueKind.Object
        && payload.TryGetProperty(name, out var value)
        && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    /// <param name="Cart">The cart of the sending page.</param>
    /// <param name="Hello">Whether pages with another cart must answer.</param>
    private sealed record CartMessage(string Cart, bool Hello);

    private sealed record CartView(IReadOnlyList<int> Items, string Serialized);

    private sealed record Tracked(
        [property: JsonPropertyName("page")] string? Page,
        [property: JsonPropertyName("page_loaded_at")] long LoadedAt,
        [property: JsonPropertyName("items")] IReadOnlyList<int> Items);
}
