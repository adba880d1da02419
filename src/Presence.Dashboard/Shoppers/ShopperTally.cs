using System.Runtime.InteropServices;
using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary>
/// The shoppers in numbers, kept by the change: what a change costs depends on the items of its cart, not on how many
/// shoppers there are. Not for several threads.
/// </summary>
/// <remarks>
/// A shopper is a key of the topic, whatever number of pages is open under it. Items are counted once per shopper: the
/// pages of one cart hold the same items but for moments, and in those moments the page heard last is believed.
/// </remarks>
internal sealed class ShopperTally
{
    private readonly Dictionary<(ReplicaId Owner, ulong Process, string Key), OpenPage> _pages = [];
    private readonly Dictionary<string, Shopper> _shoppers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byPath = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byItem = new(StringComparer.Ordinal);

    /// <summary>Distinct keys.</summary>
    public int Shoppers => _shoppers.Count;

    /// <summary>Presences.</summary>
    public int OpenPages => _pages.Count;

    /// <summary>Open pages by path.</summary>
    public IReadOnlyDictionary<string, int> Pages => _byPath;

    /// <summary>Carts by the item they hold.</summary>
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

    /// <summary>Adds an open page, or replaces what was known of it.</summary>
    public void Put(PresenceEntry entry)
    {
        var visit = Visit.Read(entry.Meta);
        if (!_shoppers.TryGetValue(entry.Key, out var shopper))
        {
            _shoppers.Add(entry.Key, shopper = new Shopper());
        }

        var id = (entry.Owner, entry.Process, entry.Key);
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
        if (!_pages.Remove((entry.Owner, entry.Process, entry.Key), out var page))
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

        /// <summary>Its place among the pages of its shopper, the page heard last at the end.</summary>
        public LinkedListNode<OpenPage> Place { get; }
    }

    private sealed class Shopper
    {
        public LinkedList<OpenPage> Pages { get; } = [];

        public IReadOnlyList<string> Items { get; set; } = [];
    }
}
