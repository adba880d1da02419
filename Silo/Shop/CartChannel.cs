using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary>
/// <c>cart:ID</c>: one open page of one shopper. The browser keeps the cart, signed, and brings it along; the pages of a
/// cart keep each other in step over whatever members they are on. The admins see each page; other shoppers see nothing.
/// </summary>
internal sealed class CartChannel(SocketTokens tokens, Inventory inventory, TimeProvider time) : Channel
{
    public const string Prefix = "cart:";
    private const int IdLength = 64;
    private const int LongestPage = 200;

    /// <summary>Where the admins look. Not the cart's own topic, or its pages would be told of each other.</summary>
    private const string TrackedIn = "admin:cart_tracker";
    private const string TokenPurpose = "cart";
    private const string State = "cart_state";

    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(30);

    private readonly uint _speaker = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4));
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
        _cart = Kept(Text(parameters, "serialized"));
        _page = Text(parameters, "page") is { } page ? page[..Math.Min(page.Length, LongestPage)] : null;
        try
        {
            await TrackAsync(Id, Meta(), TrackedIn);
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
        // Another page may know better than what this browser kept; whoever does will answer.
        Tell(hello: true);
        return default;
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) => name switch
    {
        "add_item" => await ChangeAsync(payload, isIn: true),
        "remove_item" => await ChangeAsync(payload, isIn: false),
        "checkout" => await CheckOutAsync(),
        _ => await base.HandleInAsync(name, payload),
    };

    /// <summary>What another page of this cart says.</summary>
    protected override async ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        if (payload.As<Said>() is not { } said)
        {
            return;
        }

        var heard = Cart.Parse(said.Cart);
        var merged = _cart.Merge(heard);
        if (!merged.Equals(_cart))
        {
            await BecomeAsync(merged);
            Push("cart", View());
        }

        if (said.Hello && !merged.Equals(heard))
        {
            Tell(hello: false);
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
            await BecomeAsync(_cart.With(item, isIn, _speaker));
            Tell(hello: false);
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

        await BecomeAsync(items.Aggregate(_cart, (cart, item) => cart.With(item, isIn: false, _speaker)));
        Tell(hello: false);
        var order = Convert.ToHexString(RandomNumberGenerator.GetBytes(4));
        Push("cart", View());
        return ChannelResult.Ok(new { order, items });
    }

    private async ValueTask BecomeAsync(Cart cart)
    {
        _cart = cart;
        await UpdateAsync(Id, Meta(), TrackedIn);
    }

    private void Tell(bool hello) => BroadcastFrom(State, ChannelPayload.From(new Said(_cart.ToString(), hello)));

    private PresenceMeta Meta() => PresenceMeta.From(new Tracked(_page, _loadedAt, _cart.Items));

    private CartView View() => new(_cart.Items, tokens.Create(TokenPurpose, $"{Id} {_cart}", KeptFor));

    /// <summary>What the browser kept, if it is this cart's and nobody changed it.</summary>
    private Cart Kept(string? serialized)
    {
        if (tokens.TryRead(TokenPurpose, serialized) is not { } text || !text.StartsWith(Id + " ", StringComparison.Ordinal))
        {
            return Cart.Empty;
        }

        try
        {
            return Cart.Parse(text[(IdLength + 1)..]);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            // Ours, but of another version of the shop.
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

    private sealed record Said(string Cart, bool Hello);

    private sealed record CartView(IReadOnlyList<int> Items, string Serialized);

    private sealed record Tracked(
        [property: JsonPropertyName("page")] string? Page,
        [property: JsonPropertyName("page_loaded_at")] long LoadedAt,
        [property: JsonPropertyName("items")] IReadOnlyList<int> Items);
}
