using System.Runtime.InteropServices;
using Presence.Tracker;

namespace Presence.Samples.Shop;

/// <summary>
/// Counts shoppers, pages and items, change by change: the cost of a change depends on the items of its cart, not on
/// the number of shoppers. Not thread-safe.
/// </summary>
/// <remarks>
/// A shopper is a key of the topic with any number of open pages. Items are counted once per shopper: the pages of one
/// cart hold the same items except during a change, when the page that was updated last counts.
/// </remarks>
internal sealed class ShopperCounter
{
    private readonly Dictionary<PresenceIdentity, OpenPage> _pages = [];
    private readonly Dictionary<string, Shopper> _shoppers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byPath = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byItem = new(StringComparer.Ordinal);

    /// <summary>Gets the number of distinct keys.</summary>
    public int Shoppers => _shoppers.Count;

    /// <summary>Gets the number of presences.</summary>
    public int OpenPages => _pages.Count;

    /// <summary>Gets the number of open pages by path.</summary>
    public IReadOnlyDictionary<string, int> Pages => _byPath;

    /// <summary>Gets the number of carts by the item they hold.</summary>
    public IReadOnlyDictionary<string, int> Items => _byItem;

    public void Apply(PresenceChange change)
    {
        if (change.Kind == PresenceChangeKind.Left)
        {
            Remove(change.Entry);
        }
        else
        {
            Put(change.Entry);
        }
    }

    /// <summary>Adds or updates an open page.</summary>
    public void Put(PresenceEntry entry)
    {
        var visit = Visit.Read(entry.Meta);
        if (!_shoppers.TryGetValue(entry.Key, out var shopper))
        {
            _shoppers.Add(entry.Key, shopper = new Shopper());
        }

        var id = entry.Identity;
        if (_pages.TryGetValue(id, out var page))
        {
            Add(_byPath, page.Visit.Page, -1);
            shopper.Pages.Remove(page.Place);
        }
        else
        {
            _pages.Add(id, page = new OpenPage());
        }

        page.Visit = visit;
        shopper.Pages.AddLast(page.Place);
        Add(_byPath, visit.Page, 1);
        ShowItems(shopper, visit.Items);
    }

    private void Remove(PresenceEntry entry)
    {
        if (!_pages.Remove(entry.Identity, out var page))
        {
            return;
        }

        Add(_byPath, page.Visit.Page, -1);
        var shopper = _shoppers[entry.Key];
        shopper.Pages.Remove(page.Place);
        if (shopper.Pages.Last is { } last)
        {
            ShowItems(shopper, last.Value.Visit.Items);
            return;
        }

        ShowItems(shopper, []);
        _shoppers.Remove(entry.Key);
    }

    private void ShowItems(Shopper shopper, IReadOnlyList<string> items)
    {
        if (ReferenceEquals(shopper.Items, items))
        {
            return;
        }

        foreach (var item in shopper.Items)
        {
            Add(_byItem, item, -1);
        }

        foreach (var item in items)
        {
            Add(_byItem, item, 1);
        }

        shopper.Items = items;
    }

    private static void Add(Dictionary<string, int> counts, string name, int by)
    {
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, name, out _);
        count += by;
        if (count == 0)
        {
            counts.Remove(name);
        }
    }

    private sealed class OpenPage
    {
        public OpenPage() => Place = new LinkedListNode<OpenPage>(this);

        public Visit Visit { get; set; } = new("", []);

        /// <summary>Gets its place among the pages of its shopper, which are ordered by their last update.</summary>
        public LinkedListNode<OpenPage> Place { get; }
    }

    private sealed class Shopper
    {
        public LinkedList<OpenPage> Pages { get; } = [];

        public IReadOnlyList<string> Items { get; set; } = [];
    }
}
