using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>
/// One customer: comes, walks from page to page, fills and empties a cart, sometimes in two tabs, sometimes vanishes. It
/// knows at every moment what the server ought to show of it.
/// </summary>
internal sealed class Shopper
{
    private const int Attempts = 5;

    private readonly CrowdOptions _options;
    private readonly Wares _wares;
    private readonly CrowdCounts _counts;
    private readonly Random _random;
    private readonly int _number;
    private readonly string _cartId;
    private readonly SortedSet<int> _items = [];
    private readonly List<ShopperTab> _tabs = [];
    private string? _serialized;
    private int _member;

    public Shopper(int number, CrowdOptions options, Wares wares, CrowdCounts counts)
    {
        (_number, _options, _wares, _counts) = (number, options, wares, counts);
        _random = new Random(HashCode.Combine(options.Seed, number));
        // A browser's is random for good; this one repeats with the seed, but for a part that tells runs apart.
        _cartId = $"{Guid.NewGuid():n}{number:x32}";
        _member = number % options.Members.Count;
    }

    /// <summary>Paths of the pages that are open.</summary>
    public IReadOnlyList<string> Pages => [.. _tabs.Select(tab => tab.Page)];

    /// <summary>Ids in the cart.</summary>
    public IReadOnlyCollection<int> Items => _items;

    /// <summary>Shops until told to stop; then stands still with the pages open.</summary>
    public async Task ShopAsync(CancellationToken enough)
    {
        try
        {
            await OpenAsync(_wares.Pages[_random.Next(_wares.Pages.Count)]);
            while (_tabs.Count > 0 && await ThinkAsync(enough))
            {
                await ActAsync();
            }
        }
        catch (PhoenixException e)
        {
            _counts.Fail($"shopper {_number}: {e.Message}");
            await LeaveAsync(politely: false);
        }
    }

    /// <summary>Opens again what was lost while standing still.</summary>
    public async Task MendAsync()
    {
        foreach (var lost in _tabs.Where(tab => tab.IsLost).ToArray())
        {
            try
            {
                await ReopenAsync(lost);
            }
            catch (PhoenixException e)
            {
                _counts.Fail($"shopper {_number}: {e.Message}");
            }
        }
    }

    public async Task LeaveAsync(bool politely)
    {
        foreach (var tab in _tabs)
        {
            if (politely)
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

    /// <returns>False once it is enough.</returns>
    private async Task<bool> ThinkAsync(CancellationToken enough)
    {
        var thinking = _options.Thinking * (0.2 - Math.Log(1 - _random.NextDouble()) * 0.8);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough);
        var delay = Task.Delay(thinking, either.Token);
        while (await Task.WhenAny([delay, .. _tabs.Select(tab => tab.Lost)]) != delay)
        {
            foreach (var lost in _tabs.Where(tab => tab.IsLost).ToArray())
            {
                await ReopenAsync(lost);
            }
        }

        return !enough.IsCancellationRequested;
    }

    private Task ActAsync() => _random.Next(100) switch
    {
        < 40 => WalkAsync(),
        < 70 => ChangeAsync(add: true),
        < 85 => ChangeAsync(add: false),
        < 92 => ToggleSecondTabAsync(),
        < 97 => DropAsync(comesBack: true),
        _ => DropAsync(comesBack: false),
    };

    private async Task WalkAsync()
    {
        var tab = _tabs[_random.Next(_tabs.Count)];
        _tabs.Remove(tab);
        await tab.CloseAsync();
        await OpenAsync(_wares.Pages[_random.Next(_wares.Pages.Count)]);
    }

    private async Task ChangeAsync(bool add)
    {
        var choice = add ? _wares.Items[_random.Next(_wares.Items.Count)] : _items.FirstOrDefault();
        if (choice == 0)
        {
            return;
        }

        _ = add ? _items.Add(choice) : _items.Remove(choice);
        var tab = _tabs[_random.Next(_tabs.Count)];
        var name = add ? "add_item" : "remove_item";
        if (await tab.ChangeAsync(name, choice) is { } cart)
        {
            Compare(cart, name);
        }
        else
        {
            _items.Remove(choice);
        }
    }

    private async Task ToggleSecondTabAsync()
    {
        if (_tabs.Count == 1)
        {
            await OpenAsync(_wares.Pages[_random.Next(_wares.Pages.Count)]);
            return;
        }

        await _tabs[1].CloseAsync();
        _tabs.RemoveAt(1);
    }

    private async Task DropAsync(bool comesBack)
    {
        var pages = comesBack ? Pages : [];
        foreach (var _ in _tabs)
        {
            _counts.Drop();
        }

        await LeaveAsync(politely: false);
        foreach (var page in pages)
        {
            await OpenAsync(page);
        }
    }

    private async Task ReopenAsync(ShopperTab lost)
    {
        _tabs.Remove(lost);
        _counts.Reconnect();
        lost.Drop();
        await OpenAsync(lost.Page);
    }

    /// <summary>Opens a page, on another member if the one before does not answer.</summary>
    private async Task OpenAsync(string page)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var member = _options.Members[_member];
                var (tab, cart) = await ShopperTab.OpenAsync(member, _cartId, page, _serialized, _counts);
                _tabs.Add(tab);
                Compare(cart, "join");
                return;
            }
            catch (PhoenixException) when (attempt < Attempts)
            {
                _member = (_member + 1) % _options.Members.Count;
                await Task.Delay(TimeSpan.FromMilliseconds(200 * attempt));
            }
        }
    }

    private void Compare(JsonElement cart, string when)
    {
        _serialized = cart.GetProperty("serialized").GetString();
        var shown = cart.GetProperty("items").EnumerateArray().Select(item => item.GetInt32());
        if (!_items.SequenceEqual(shown))
        {
            _counts.Disagree(
                $"shopper {_number} after {when}: it holds [{string.Join(',', _items)}], the server shows {cart.GetProperty("items")}");
        }
    }
}
