using System.Text.Json;
using System.Text.Json.Serialization;

namespace Presence.Dashboard;

/// <summary>The body of <c>stats</c>: the largest of the pages and items by name, the others as one number each.</summary>
/// <param name="Shoppers">Distinct shoppers.</param>
/// <param name="OpenPages">Open pages of all of them.</param>
/// <param name="Pages">Open pages by path, the most first.</param>
/// <param name="Items">Carts by item, the most first.</param>
/// <param name="OtherPages">Open pages on paths that are not named.</param>
/// <param name="OtherItems">Carts with items that are not named, counted once per item.</param>
/// <param name="At">When this was counted, in milliseconds of the member's clock.</param>
internal sealed record StatsView(
    int Shoppers,
    [property: JsonPropertyName("open_pages")] int OpenPages,
    IReadOnlyDictionary<string, int> Pages,
    IReadOnlyDictionary<string, int> Items,
    [property: JsonPropertyName("other_pages")] int OtherPages,
    [property: JsonPropertyName("other_items")] int OtherItems,
    long At)
{
    /// <summary>Paths and items that are named. Shoppers name pages, so there is no other bound on them.</summary>
    public const int MaxNamed = 60;

    public static StatsView Of(ShopperTally tally, DateTimeOffset at)
    {
        var (pages, otherPages) = Largest(tally.Pages);
        var (items, otherItems) = Largest(tally.Items);
        return new StatsView(
            tally.Shoppers,
            tally.OpenPages,
            pages,
            items,
            otherPages,
            otherItems,
            at.ToUnixTimeMilliseconds());
    }

    private static (OrderedDictionary<string, int> Named, int Others) Largest(IReadOnlyDictionary<string, int> counts)
    {
        // Cheap where there are many: all are looked at, and those that are taken are put in order.
        var named = new OrderedDictionary<string, int>(
            counts.OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal).Take(MaxNamed), StringComparer.Ordinal);
        return (named, counts.Values.Sum() - named.Values.Sum());
    }
}

/// <summary>The body of <c>history</c>: one number per sample for each line of a chart.</summary>
/// <param name="StepMs">Time between two samples, in milliseconds.</param>
/// <param name="Until">When the last sample was taken, in milliseconds of the member's clock.</param>
/// <param name="Shoppers">Distinct shoppers.</param>
/// <param name="OpenPages">Open pages.</param>
/// <param name="Pages">Open pages by path, for the paths that are the largest now.</param>
/// <param name="Items">Carts by item, for the items that are the most wanted now.</param>
internal sealed record StatsHistory(
    [property: JsonPropertyName("step_ms")] double StepMs,
    long Until,
    IReadOnlyList<int> Shoppers,
    [property: JsonPropertyName("open_pages")] IReadOnlyList<int> OpenPages,
    IReadOnlyDictionary<string, int[]> Pages,
    IReadOnlyDictionary<string, int[]> Items)
{
    /// <summary>Lines of one chart: more cannot be told apart.</summary>
    public const int MaxLines = 8;

    public static StatsHistory Of(IReadOnlyCollection<StatsView> samples, TimeSpan step, StatsView now) => new(
        step.TotalMilliseconds,
        samples.LastOrDefault(now).At,
        [.. samples.Select(s => s.Shoppers)],
        [.. samples.Select(s => s.OpenPages)],
        Lines(samples, now.Pages, s => s.Pages),
        Lines(samples, now.Items, s => s.Items));

    private static Dictionary<string, int[]> Lines(
        IReadOnlyCollection<StatsView> samples,
        IReadOnlyDictionary<string, int> now,
        Func<StatsView, IReadOnlyDictionary<string, int>> counts) => now.Keys.Take(MaxLines).ToDictionary(
            name => name,
            name => samples.Select(sample => counts(sample).GetValueOrDefault(name)).ToArray());
}
