using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>The shoppers in numbers: those a member shows, or those the crowd knows.</summary>
internal sealed class ShopNumbers
{
    public int Shoppers { get; private init; }

    public int OpenPages { get; private init; }

    public SortedDictionary<string, int> Pages { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, int> Items { get; } = new(StringComparer.Ordinal);

    public static ShopNumbers Read(JsonElement stats)
    {
        var numbers = new ShopNumbers
        {
            Shoppers = stats.GetProperty("shoppers").GetInt32(),
            OpenPages = stats.GetProperty("open_pages").GetInt32(),
        };
        foreach (var page in stats.GetProperty("pages").EnumerateObject())
        {
            numbers.Pages[page.Name] = page.Value.GetInt32();
        }

        foreach (var item in stats.GetProperty("items").EnumerateObject())
        {
            numbers.Items[item.Name] = item.Value.GetInt32();
        }

        return numbers;
    }

    public static ShopNumbers Of(IEnumerable<(IReadOnlyList<string> Pages, IReadOnlyCollection<int> Items)> shoppers)
    {
        var present = shoppers.Where(shopper => shopper.Pages.Count > 0).ToArray();
        var numbers = new ShopNumbers { Shoppers = present.Length, OpenPages = present.Sum(shopper => shopper.Pages.Count) };
        foreach (var (pages, items) in present)
        {
            foreach (var page in pages)
            {
                numbers.Pages[page] = numbers.Pages.GetValueOrDefault(page) + 1;
            }

            foreach (var item in items.Select(item => item.ToString(System.Globalization.CultureInfo.InvariantCulture)))
            {
                numbers.Items[item] = numbers.Items.GetValueOrDefault(item) + 1;
            }
        }

        return numbers;
    }

    /// <summary>Those of others and these.</summary>
    public ShopNumbers Plus(ShopNumbers others)
    {
        var sum = new ShopNumbers { Shoppers = Shoppers + others.Shoppers, OpenPages = OpenPages + others.OpenPages };
        foreach (var (name, count) in Pages.Concat(others.Pages))
        {
            sum.Pages[name] = sum.Pages.GetValueOrDefault(name) + count;
        }

        foreach (var (name, count) in Items.Concat(others.Items))
        {
            sum.Items[name] = sum.Items.GetValueOrDefault(name) + count;
        }

        return sum;
    }

    /// <summary>What differs, in words; null if nothing does.</summary>
    public string? DifferenceFrom(ShopNumbers expected)
    {
        var differences = new List<string>();
        Compare("shoppers", Shoppers, expected.Shoppers);
        Compare("open pages", OpenPages, expected.OpenPages);
        foreach (var page in Pages.Keys.Union(expected.Pages.Keys).Order(StringComparer.Ordinal))
        {
            Compare($"page {page}", Pages.GetValueOrDefault(page), expected.Pages.GetValueOrDefault(page));
        }

        foreach (var item in Items.Keys.Union(expected.Items.Keys).Order(StringComparer.Ordinal))
        {
            Compare($"item {item}", Items.GetValueOrDefault(item), expected.Items.GetValueOrDefault(item));
        }

        return differences.Count == 0 ? null : string.Join("; ", differences);

        void Compare(string what, int shown, int known)
        {
            if (shown != known)
            {
                differences.Add($"{what}: shows {shown}, expected {known}");
            }
        }
    }
}
