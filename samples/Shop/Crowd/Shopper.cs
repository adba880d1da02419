using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>
/// Simulates a customer that opens pages, changes a cart, sometimes in two tabs, and sometimes loses its connection. It
/// knows what the server must show of it.
/// </summary>
internal sealed class Shopper
{
    private const int Attempts = 5;

    private readonly ShopperOptions _options;
    private readonly ShopRange _range;
    private readonly ShopperCounts _counts;
    private readonly Random _random;
    private readonly int _number;
    private string _cartId;
    private readonly SortedSet<int> _items = [];
    private readonly List<ShopperTab> _tabs = [];
    private string? _serialized;
    private int _node;

    public Shopper(int number, ShopperOptions options, ShopRange range, ShopperCounts counts)
    {
        (_number, _options, _range, _counts) = (number, options, range, counts);
        _random = CreateRandom(options.Seed, number);
        _cartId = NewCartId();
        _node = number % options.Nodes.Count;
    }

    /// <summary>Gets the paths of the open pages.</summary>
    public IReadOnlyList<string> Pages => [.. _tabs.Select(tab => tab.Page)];

    /// <summary>Gets the ids of the items in the cart.</summary>
    public IReadOnlyCollection<int> Items => _items;

    /// <summary>Gets whether a page is open.</summary>
    public bool IsPresent => _tabs.Count > 0;

    /// <summary>Creates the decisions of a shopper, which are the same in every run with the seed.</summary>
    public static Random CreateRandom(int seed, int number) => new(unchecked((seed * 1_000_003) + number));

    /// <summary>Shops until the token is cancelled; the pages stay open.</summary>
    public async Task ShopAsync(CancellationToken stop)
    {
        try
        {
            await OpenRandomPageAsync();
            while (await ThinkAsync(stop))
            {
                await ActAsync();
            }
        }
        catch (PhoenixException e)
        {
            _counts.AddFailure($"shopper {_number}: {e.Message}");
            await LeaveAsync(graceful: false);
        }
    }

    /// <summary>Opens pages again whose connection was lost after shopping ended.</summary>
    public async Task ReconnectAsync()
    {
        foreach (var tab in _tabs.Where(tab => tab.IsDisconnected).ToArray())
        {
            try
            {
                await ReopenAsync(tab);
            }
            catch (PhoenixException e)
            {
                _counts.AddFailure($"shopper {_number}: {e.Message}");
            }
        }
    }

    public async Task LeaveAsync(bool graceful)
    {
        foreach (var tab in _tabs)
        {
            if (graceful)
            {
                await tab.CloseAsync();
            }
            else
            {
                tab.Drop();
            }
        }

        _tabs.Clear();
    }

    /// <summary>Pauses and keeps the pages open; returns false if shopping is to end.</summary>
    private async Task<bool> ThinkAsync(CancellationToken stop)
    {
        var thinking = _options.Thinking * (0.2 - Math.Log(1 - _random.NextDouble()) * 0.8);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var delay = Task.Delay(thinking, either.Token);
        while (await Task.WhenAny([delay, .. _tabs.Select(tab => tab.Disconnected)]) != delay)
        {
            foreach (var tab in _tabs.Where(tab => tab.IsDisconnected).ToArray())
            {
                await ReopenAsync(tab);
            }
        }

        return !stop.IsCancellationRequested;
    }

    private Task ActAsync() => _random.Next(100) switch
    {
        < 40 => WalkAsync(),
        < 70 => ChangeAsync(add: true),
        < 85 => ChangeAsync(add: false),
        < 92 => ToggleSecondTabAsync(),
        < 97 => DropAndReturnAsync(),
        _ => DropAndReplaceAsync(),
    };

    private async Task WalkAsync()
    {
        var tab = _tabs[_random.Next(_tabs.Count)];
        _tabs.Remove(tab);
        await tab.CloseAsync();
        await OpenRandomPageAsync();
    }

    private async Task ChangeAsync(bool add)
    {
        var item = add ? _range.Items[_random.Next(_range.Items.Count)] : _items.FirstOrDefault();
        if (item == 0)
        {
            return;
        }

        _ = add ? _items.Add(item) : _items.Remove(item);
        var tab = _tabs[_random.Next(_tabs.Count)];
        var name = add ? "add_item" : "remove_item";
        if (await tab.ChangeAsync(name, item) is { } cart)
        {
            Compare(cart, name);
        }
        else
        {
            _items.Remove(item);
        }
    }

    private async Task ToggleSecondTabAsync()
    {
        if (_tabs.Count == 1)
        {
            await OpenRandomPageAsync();
            return;
        }

        await _tabs[1].CloseAsync();
        _tabs.RemoveAt(1);
    }

    private async Task DropAndReturnAsync()
    {
        var pages = Pages;
        await DropAsync();
        foreach (var page in pages)
        {
            await OpenAsync(page);
        }
    }

    /// <summary>Leaves for good. A new customer takes the place, so that the crowd keeps its size.</summary>
    private async Task DropAndReplaceAsync()
    {
        await DropAsync();
        _cartId = NewCartId();
        _serialized = null;
        _items.Clear();
        await OpenRandomPageAsync();
    }

    private Task DropAsync()
    {
        foreach (var _ in _tabs)
        {
            _counts.AddDrop();
        }

        return LeaveAsync(graceful: false);
    }

    private async Task ReopenAsync(ShopperTab tab)
    {
        _tabs.Remove(tab);
        _counts.AddReconnect();
        tab.Drop();
        await OpenAsync(tab.Page);
    }

    private Task OpenRandomPageAsync() => OpenAsync(_range.Pages[_random.Next(_range.Pages.Count)]);

    /// <summary>Opens a page, on the next node if one does not answer.</summary>
    private async Task OpenAsync(string page)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var node = _options.Nodes[_node];
                var (tab, cart) = await ShopperTab.OpenAsync(node, _cartId, page, _serialized, _counts);
                _tabs.Add(tab);
                Compare(cart, "join");
                return;
            }
            catch (PhoenixException) when (attempt < Attempts)
            {
                _node = (_node + 1) % _options.Nodes.Count;
                await Task.Delay(TimeSpan.FromMilliseconds(200 * attempt));
            }
        }
    }

    /// <summary>Returns an id that no other customer has, of this run or another.</summary>
    private string NewCartId() => $"{Guid.NewGuid():n}{_number:x32}";

    private void Compare(JsonElement cart, string when)
    {
        _serialized = cart.GetProperty("serialized").GetString();
        var shown = cart.GetProperty("items").EnumerateArray().Select(item => item.GetInt32());
        if (!_items.SequenceEqual(shown))
        {
            _counts.AddDisagreement(
                $"shopper {_number} after {when}: expected [{string.Join(',', _items)}], "
                + $"the server shows {cart.GetProperty("items")}");
        }
    }
}
