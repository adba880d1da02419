using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Samples.Shop;

/// <summary>
/// The stock of each item, without a store: each node counts its sales and tracks all counts that it knows, its own and
/// those of others. The counts remain as long as one node runs.
/// </summary>
/// <remarks>
/// Counts only grow and the larger of two is valid, so nodes agree in any order of messages. Two nodes can sell the
/// last pair at the same moment; a real shop would ask its database.
/// </remarks>
internal sealed partial class Inventory(IPresenceNode node, IChannelBroadcaster broadcaster, ILogger<Inventory> log)
    : IHostedService, IDisposable
{
    public const string Event = "stock";
    private const string Topic = "shop:sold";

    // Not the node's name: after a restart its count begins at zero, and the old, larger count would win.
    private readonly string _self = Convert.ToHexString(RandomNumberGenerator.GetBytes(6));
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _syncing = new(1);
    private readonly Dictionary<int, Dictionary<string, int>> _sold = [];
    private readonly Dictionary<int, Dictionary<string, int>> _published = [];
    private readonly Dictionary<int, int> _announced = [];
    private PresenceSession? _session;
    private TopicSubscription? _subscription;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _session = node.OpenSession("shop inventory");
        _subscription = node.Tracker.Subscribe(Topic, _ => RequestSync());
        return SyncAsync();
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        // The presences end with the node.
        _subscription?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _syncing.Dispose();

    /// <summary>Returns the number of pairs that are left; 0 for an unknown item.</summary>
    public int Left(int item)
    {
        lock (_gate)
        {
            return LeftOf(item);
        }
    }

    /// <summary>Returns the message for clients: <c>{product_id, items: [{id, left, sold_out}]}</c>.</summary>
    public Stock StockOf(Product product)
    {
        lock (_gate)
        {
            return new Stock(
                product.Id,
                [.. product.Items.Select(item => new ItemStock(item.Id, LeftOf(item.Id), LeftOf(item.Id) == 0))]);
        }
    }

    /// <summary>Sells one pair of each item, or nothing.</summary>
    /// <returns>The items that are sold out; empty if the sale was made.</returns>
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

        RequestSync();
        return [];
    }

    private void RequestSync() =>
        ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.SyncAsync(), this, preferLocal: false);

    /// <summary>Merges and tracks the counts, and sends changed stock to the clients of this node.</summary>
    private async Task SyncAsync()
    {
        await _syncing.WaitAsync();
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
                    ? await node.Tracker.UpdateAsync(_session!, Topic, key, meta)
                    : await node.Tracker.TrackAsync(_session!, Topic, key, meta);
                _published[item] = counts;
            }

            foreach (var product in Unannounced())
            {
                var stock = ChannelPayload.From(StockOf(product));
                broadcaster.BroadcastLocal(ProductChannel.Prefix + product.Id, Event, stock);
            }
        }
        catch (Exception e)
        {
            // The next sale, or the next change from another node, retries.
            LogFailed(log, e);
        }
        finally
        {
            _syncing.Release();
        }
    }

    private void Merge(PresenceEntry entry)
    {
        if (!int.TryParse(entry.Key, NumberStyles.None, CultureInfo.InvariantCulture, out var item)
            || Catalogue.FindItem(item) is null
            || entry.Meta.As<Counts>() is not { Sold: { } received })
        {
            return;
        }

        lock (_gate)
        {
            var counts = CountsOf(item);
            foreach (var (node, count) in received)
            {
                counts[node] = Math.Max(counts.GetValueOrDefault(node), count);
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

    private List<Product> Unannounced()
    {
        lock (_gate)
        {
            var changed = new HashSet<int>();
            foreach (var item in Catalogue.Products.SelectMany(product => product.Items))
            {
                var left = LeftOf(item.Id);
                if (_announced.GetValueOrDefault(item.Id, item.Stock) != left)
                {
                    _announced[item.Id] = left;
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

    [LoggerMessage(LogLevel.Error, "Publishing the stock failed")]
    private static partial void LogFailed(ILogger log, Exception error);

    internal sealed record Stock(
        [property: JsonPropertyName("product_id")] int ProductId, IReadOnlyList<ItemStock> Items);

    internal sealed record ItemStock(int Id, int Left, [property: JsonPropertyName("sold_out")] bool SoldOut);

    private sealed record Counts([property: JsonPropertyName("sold")] Dictionary<string, int> Sold);
}
