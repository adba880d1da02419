using System.Globalization;
using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>Counts of shoppers, pages and items: as a node shows them, or as the crowd knows them.</summary>
internal sealed class ShopStats
{
    private ShopStats(
        int shoppers, int openPages, IEnumerable<(string, int)> pages, IEnumerable<(string, int)> items) =>
        (Shoppers, OpenPages, Pages, Items) = (shoppers, openPages, Sum(pages), Sum(items));

    public int Shoppers { get; }

    public int OpenPages { get; }

    public SortedDictionary<string, int> Pages { get; }

    public SortedDictionary<string, int> Items { get; }

    public static ShopStats Read(JsonElement stats) => new(
        stats.GetProperty("shoppers").GetInt32(),
        stats.GetProperty("open_pages").GetInt32(),
        stats.GetProperty("pages").EnumerateObject().Select(page => (page.Name, page.Value.GetInt32())),
        stats.GetProperty("items").EnumerateObject().Select(item => (item.Name, item.Value.GetInt32())));

    public static ShopStats Of(IEnumerable<(IReadOnlyList<string> Pages, IReadOnlyCollection<int> Items)> shoppers)
    {
        var present = shoppers.Where(shopper => shopper.Pages.Count > 0).ToArray();
        return new(
            present.Length,
            present.Sum(shopper => shopper.Pages.Count),
            present.SelectMany(shopper => shopper.Pages).Select(page => (page, 1)),
            present.SelectMany(shopper => shopper.Items)
                .Select(item => (item.ToString(CultureInfo.InvariantCulture), 1)));
    }

    /// <summary>Returns the sum of these counts and others.</summary>
    public ShopStats Plus(ShopStats others) => new(
        Shoppers + others.Shoppers,
        OpenPages + others.OpenPages,
        Pages.Concat(others.Pages).Select(page => (page.Key, page.Value)),
        Items.Concat(others.Items).Select(item => (item.Key, item.Value)));

    /// <summary>Returns a description of the differences; null if there are none.</summary>
    public string? DifferenceFrom(ShopStats expected)
    {
        var differences = new List<string>();
        Compare("shoppers", Shoppers, expected.Shoppers);
        Compare("open pages", OpenPages, expected.OpenPages);
        CompareAll("page", Pages, expected.Pages);
        CompareAll("item", Items, expected.Items);
        return differences.Count == 0 ? null : string.Join("; ", differences);

        void CompareAll(string kind, SortedDictionary<string, int> shown, SortedDictionary<string, int> known)
        {
            foreach (var name in shown.Keys.Union(known.Keys).Order(StringComparer.Ordinal))
            {
                Compare($"{kind} {name}", shown.GetValueOrDefault(name), known.GetValueOrDefault(name));
            }
        }

        void Compare(string name, int shown, int known)
        {
            if (shown != known)
            {
                differences.Add($"{name}: shows {shown}, expected {known}");
            }
        }
    }

    private static SortedDictionary<string, int> Sum(IEnumerable<(string Name, int Count)> counts) => new(
        counts.GroupBy(count => count.Name, count => count.Count)
            .ToDictionary(group => group.Key, group => group.Sum()),
        StringComparer.Ordinal);
}
