using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary>
/// What is left of each item, known to every member without a store: each counts its own sales and is present with all
/// counts it knows, its own and the others'. Members come and go; the counts live for as long as one of them does.
/// </summary>
/// <remarks>
/// A count grows only, and of two the larger is true, so members agree in whatever order they hear. Two members can still
/// sell the last pair at the same moment: a real shop asks its database there.
/// </remarks>
internal sealed partial class Inventory(IPresenceNode node, IChannelBroadcaster broadcaster, ILogger<Inventory> log)
    : IHostedService, IDisposable
{
    public const string Event = "stock";
    private const string Topic = "shop:sold";

    // Not the member's name: after a restart it counts from zero again, and the larger old count would hide that.
    private readonly string _self = Convert.ToHexString(RandomNumberGenerator.GetBytes(6));
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Dictionary<int, Dictionary<string, int>> _sold = [];
    private readonly Dictionary<int, Dictionary<string, int>> _published = [];
    private readonly Dictionary<int, int> _told = [];
    private PresenceProcess? _process;
    private TopicSubscription? _subscription;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _process = node.StartProcess("shop inventory");
        _subscription = node.Tracker.Subscribe(Topic, _ => Wake());
        return SyncAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // The member's farewell ends its presences.
        _subscription?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>Pairs that are left; 0 also for what is not sold here.</summary>
    public int Left(int item)
    {
        lock (_gate)
        {
            return LeftOf(item);
        }
    }

    /// <summary>For the clients: <c>{product_id, items: [{id, left, sold_out}]}</c>.</summary>
    public Stock StockOf(Product product)
    {
        lock (_gate)
        {
            return new Stock(
                product.Id,
                [.. product.Items.Select(item => new ItemStock(item.Id, LeftOf(item.Id), LeftOf(item.Id) == 0))]);
        }
    }

    /// <summary>Sells one pair of each, or nothing.</summary>
    /// <returns>What is sold out; empty if the sale was made.</returns>
    public IReadOnlyList<int> TryBuy(IReadOnlyList<int> items)
    {
        lock (_gate)
        {
            int[] missing = [.. items.Where(item => LeftOf(item) == 0)];
            if (missing.Length > 0)
            {
                return missing;
            }

            foreach (var item in items)
            {
                var counts = CountsOf(item);
                counts[_self] = counts.GetValueOrDefault(_self) + 1;
            }
        }

        Wake();
        return [];
    }

    private void Wake() => ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.SyncAsync(), this, preferLocal: false);

    /// <summary>Hears the others, tells them, and tells the clients of this member.</summary>
    private async Task SyncAsync()
    {
        await _turn.WaitAsync();
        try
        {
            foreach (var entry in node.Tracker.List(Topic))
            {
                Merge(entry);
            }

            foreach (var (item, counts) in Unpublished())
            {
                var meta = PresenceMeta.From(new Counts(counts));
                var key = item.ToString(CultureInfo.InvariantCulture);
                _ = _published.ContainsKey(item)
                    ? await node.Tracker.UpdateAsync(_process!, Topic, key, meta)
                    : await node.Tracker.TrackAsync(_process!, Topic, key, meta);
                _published[item] = counts;
            }

            foreach (var product in Untold())
            {
                broadcaster.BroadcastLocal(ProductChannel.Prefix + product.Id, Event, ChannelPayload.From(StockOf(product)));
            }
        }
        catch (Exception e)
        {
            // The next sale, or the next word of another member, tries again.
            LogFailed(log, e);
        }
        finally
        {
            _turn.Release();
        }
    }

    private void Merge(PresenceEntry entry)
    {
        if (!int.TryParse(entry.Key, NumberStyles.None, CultureInfo.InvariantCulture, out var item)
            || Catalogue.FindItem(item) is null
            || entry.Meta.As<Counts>() is not { Sold: { } heard })
        {
            return;
        }

        lock (_gate)
        {
            var counts = CountsOf(item);
            foreach (var (member, count) in heard)
            {
                counts[member] = Math.Max(counts.GetValueOrDefault(member), count);
            }
        }
    }

    private List<(int Item, Dictionary<string, int> Counts)> Unpublished()
    {
        lock (_gate)
        {
            return
            [
                .. from pair in _sold
                   where !_published.TryGetValue(pair.Key, out var known) || !Same(known, pair.Value)
                   select (pair.Key, new Dictionary<string, int>(pair.Value)),
            ];
        }
    }

    private List<Product> Untold()
    {
        lock (_gate)
        {
            var changed = new HashSet<int>();
            foreach (var item in Catalogue.Products.SelectMany(product => product.Items))
            {
                var left = LeftOf(item.Id);
                if (_told.GetValueOrDefault(item.Id, item.Stock) != left)
                {
                    _told[item.Id] = left;
                    changed.Add(item.ProductId);
                }
            }

            return [.. changed.Select(id => Catalogue.FindProduct(id)!)];
        }
    }

    private int LeftOf(int item) => Catalogue.FindItem(item) is { } known
        ? Math.Max(0, known.Stock - (_sold.TryGetValue(item, out var counts) ? counts.Values.Sum() : 0))
        : 0;

    private Dictionary<string, int> CountsOf(int item)
    {
        if (!_sold.TryGetValue(item, out var counts))
        {
            _sold.Add(item, counts = new(StringComparer.Ordinal));
        }

        return counts;
    }

    private static bool Same(Dictionary<string, int> a, Dictionary<string, int> b) =>
        a.Count == b.Count && a.All(pair => b.TryGetValue(pair.Key, out var other) && other == pair.Value);

    [LoggerMessage(LogLevel.Error, "The stock could not be told")]
    private static partial void LogFailed(ILogger log, Exception error);

    internal sealed record Stock([property: JsonPropertyName("product_id")] int ProductId, IReadOnlyList<ItemStock> Items);

    internal sealed record ItemStock(int Id, int Left, [property: JsonPropertyName("sold_out")] bool SoldOut);

    private sealed record Counts([property: JsonPropertyName("sold")] Dictionary<string, int> Sold);
}
