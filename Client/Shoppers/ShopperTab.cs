using System.Diagnostics;
using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>One open page of a shopper: a connection of its own, as in a browser.</summary>
internal sealed class ShopperTab
{
    private readonly PhoenixSocket _socket;
    private readonly PhoenixChannel _channel;
    private readonly CrowdCounts _counts;
    private readonly TaskCompletionSource<JsonElement> _cart = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ShopperTab(PhoenixSocket socket, PhoenixChannel channel, string page, CrowdCounts counts)
    {
        (_socket, _channel, Page, _counts) = (socket, channel, page, counts);
        channel.On("cart", cart => _cart.TrySetResult(cart));
    }

    public string Page { get; }

    /// <summary>Completes when the page has lost its connection or its channel, in whatever way.</summary>
    public Task Lost => Task.WhenAny(_socket.Closed, _channel.Ended);

    public bool IsLost => _socket.Closed.IsCompleted || _channel.Ended.IsCompleted;

    /// <summary>Opens a page and waits for the cart that the server shows on it.</summary>
    /// <exception cref="PhoenixException">It cannot be opened.</exception>
    public static async Task<(ShopperTab Tab, JsonElement Cart)> OpenAsync(
        Uri member,
        string cartId,
        string page,
        string? serialized,
        CrowdCounts counts)
    {
        var socket = await PhoenixSocket.ConnectAsync(new Uri(member, "socket"));
        counts.Connect();
        try
        {
            var begun = Stopwatch.GetTimestamp();
            var channel = socket.Channel("cart:" + cartId);
            var tab = new ShopperTab(socket, channel, page, counts);
            await channel.JoinAsync(new { serialized, page });
            counts.Answers.Add(Stopwatch.GetElapsedTime(begun));
            counts.Join();
            return (tab, await tab._cart.Task.WaitAsync(socket.Timeout));
        }
        catch (Exception e) when (e is PhoenixException or TimeoutException)
        {
            socket.Abort();
            throw e as PhoenixException ?? new PhoenixException("the server did not show the cart in time.", e);
        }
    }

    /// <summary>Changes the cart.</summary>
    /// <returns>The cart as the server answers it; null if the item is sold out, which nobody is to blame for.</returns>
    /// <exception cref="PhoenixException">There was no such answer.</exception>
    public async Task<JsonElement?> ChangeAsync(string name, int item)
    {
        var begun = Stopwatch.GetTimestamp();
        var reply = await _channel.TryPushAsync(name, new { item_id = item });
        _counts.Answers.Add(Stopwatch.GetElapsedTime(begun));
        return !reply.IsOk && reply.Response.TryGetProperty("sold_out", out _) ? null : reply.Require($"'{name}' of item {item}");
    }

    /// <summary>Leaves the page as a browser does.</summary>
    public async Task CloseAsync()
    {
        await _socket.CloseAsync();
        Count();
    }

    /// <summary>Ends without goodbye.</summary>
    public void Drop()
    {
        _socket.Abort();
        Count();
    }

    private void Count() => _counts.Take(_socket);
}
