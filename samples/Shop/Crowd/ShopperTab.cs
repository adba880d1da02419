using System.Diagnostics;
using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>An open page of a shopper, with a connection of its own as in a browser.</summary>
internal sealed class ShopperTab
{
    private readonly PhoenixSocket _socket;
    private readonly PhoenixChannel _channel;
    private readonly ShopperCounts _counts;
    private readonly TaskCompletionSource<JsonElement> _cart = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ShopperTab(PhoenixSocket socket, PhoenixChannel channel, string page, ShopperCounts counts)
    {
        (_socket, _channel, Page, _counts) = (socket, channel, page, counts);
        channel.On("cart", cart => _cart.TrySetResult(cart));
    }

    public string Page { get; }

    /// <summary>Gets a task that completes when the connection or the channel of the page has ended.</summary>
    public Task Disconnected => Task.WhenAny(_socket.Closed, _channel.Ended);

    public bool IsDisconnected => _socket.Closed.IsCompleted || _channel.Ended.IsCompleted;

    /// <summary>Opens a page and awaits its cart from the server.</summary>
    /// <exception cref="PhoenixException">The connection, the join or the cart failed.</exception>
    public static async Task<(ShopperTab Tab, JsonElement Cart)> OpenAsync(
        Uri node,
        string cartId,
        string page,
        string? serialized,
        ShopperCounts counts)
    {
        var socket = await PhoenixSocket.ConnectAsync(new Uri(node, "socket"));
        counts.AddConnection();
        try
        {
            var begun = Stopwatch.GetTimestamp();
            var channel = socket.Channel("cart:" + cartId);
            var tab = new ShopperTab(socket, channel, page, counts);
            await channel.JoinAsync(new { serialized, page });
            counts.RoundTrips.Add(Stopwatch.GetElapsedTime(begun));
            counts.AddJoin();
            return (tab, await tab._cart.Task.WaitAsync(socket.Timeout));
        }
        catch (Exception e) when (e is PhoenixException or TimeoutException)
        {
            socket.Abort();
            throw e as PhoenixException ?? new PhoenixException("the server did not send the cart in time.", e);
        }
    }

    /// <summary>Changes the cart.</summary>
    /// <returns>The cart in the reply; null if the item is sold out.</returns>
    /// <exception cref="PhoenixException">There was another reply, or none.</exception>
    public async Task<JsonElement?> ChangeAsync(string name, int item)
    {
        var begun = Stopwatch.GetTimestamp();
        var reply = await _channel.TryPushAsync(name, new { item_id = item });
        _counts.RoundTrips.Add(Stopwatch.GetElapsedTime(begun));
        return !reply.IsOk && reply.Response.TryGetProperty("sold_out", out _)
            ? null
            : reply.Require($"'{name}' of item {item}");
    }

    /// <summary>Closes the connection as a browser does that leaves the page.</summary>
    public async Task CloseAsync()
    {
        await _socket.CloseAsync();
        _counts.AddMessages(_socket);
    }

    /// <summary>Aborts the connection.</summary>
    public void Drop()
    {
        _socket.Abort();
        _counts.AddMessages(_socket);
    }
}
