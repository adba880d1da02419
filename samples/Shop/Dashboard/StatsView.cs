using System.Text.Json;
using System.Text.Json.Serialization;

namespace Presence.Samples.Shop;

/// <summary>
/// The body of <c>stats</c>: the most frequent pages and items by name, the sum of the others.
/// </summary>
/// <param name="Shoppers">Distinct shoppers.</param>
/// <param name="OpenPages">Open pages of all of them.</param>
/// <param name="Pages">Open pages by path, the most frequent first.</param>
/// <param name="Items">Carts by item, the most frequent first.</param>
/// <param name="DifferentPages">Number of paths, named or not.</param>
/// <param name="OtherPages">Open pages on paths that are not named.</param>
/// <param name="OtherItems">Carts with items that are not named, counted once per item.</param>
/// <param name="At">When this was counted, in milliseconds of the node's clock.</param>
internal sealed record StatsView(
    int Shoppers,
    [property: JsonPropertyName("open_pages")] int OpenPages,
    IReadOnlyDictionary<string, int> Pages,
    IReadOnlyDictionary<string, int> Items,
    [property: JsonPropertyName("different_pages")] int DifferentPages,
    [property: JsonPropertyName("other_pages")] int OtherPages,
    [property: JsonPropertyName("other_items")] int OtherItems,
    long At)
{
    /// <summary>The maximum number of named paths and of named items: clients may choose any paths.</summary>
    public const int MaxNamed = 60;

    public static StatsView Of(ShopperCounter counter, DateTimeOffset at)
    {
        var (pages, otherPages) = Largest(counter.Pages);
        var (items, otherItems) = Largest(counter.Items);
        return new StatsView(
            counter.Shoppers,
            counter.OpenPages,
            pages,
            items,
            counter.Pages.Count,
            otherPages,
            otherItems,
            at.ToUnixTimeMilliseconds());
    }

    private static (OrderedDictionary<string, int> Named, int Others) Largest(IReadOnlyDictionary<string, int> counts)
    {
        // Linear: Take after OrderBy sorts only what is taken.
        var named = new OrderedDictionary<string, int>(
            counts.OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal).Take(MaxNamed),
            StringComparer.Ordinal);
        return (named, counts.Values.Sum() - named.Values.Sum());
    }
}

/// <summary>The body of <c>history</c>: for each line of a chart one number per sample.</summary>
/// <param name="StepMs">Time between two samples, in milliseconds.</param>
/// <param name="Until">When the last sample was taken, in milliseconds of the node's clock.</param>
/// <param name="Shoppers">Distinct shoppers.</param>
/// <param name="OpenPages">Open pages.</param>
/// <param name="Pages">
/// Open pages by path, for the paths with the highest numbers of all samples and now; null where a path was not named.
/// </param>
/// <param name="Items">Carts by item, likewise.</param>
internal sealed record StatsHistory(
    [property: JsonPropertyName("step_ms")] double StepMs,
    long Until,
    IReadOnlyList<int> Shoppers,
    [property: JsonPropertyName("open_pages")] IReadOnlyList<int> OpenPages,
    IReadOnlyDictionary<string, int?[]> Pages,
    IReadOnlyDictionary<string, int?[]> Items)
{
    /// <summary>The maximum number of lines in one chart: more cannot be distinguished.</summary>
    public const int MaxLines = 8;

    public static StatsHistory Of(IReadOnlyCollection<StatsView> samples, TimeSpan step, StatsView now) => new(
        step.TotalMilliseconds,
        samples.LastOrDefault(now).At,
        [.. samples.Select(s => s.Shoppers)],
        [.. samples.Select(s => s.OpenPages)],
        Lines(samples, now, s => (s.Pages, s.OtherPages)),
        Lines(samples, now, s => (s.Items, s.OtherItems)));

    private static Dictionary<string, int?[]> Lines(
        IReadOnlyCollection<StatsView> samples,
        StatsView now,
        Func<StatsView, (IReadOnlyDictionary<string, int> Named, int Others)> counts)
    {
        var peaks = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, count) in samples.Append(now).SelectMany(sample => counts(sample).Named.Take(MaxLines)))
        {
            peaks[name] = Math.Max(count, peaks.GetValueOrDefault(name));
        }

        var names = peaks.OrderByDescending(p => p.Value).ThenBy(p => p.Key, StringComparer.Ordinal).Take(MaxLines);
        return names.ToDictionary(p => p.Key, p => samples.Select(sample => At(counts(sample), p.Key)).ToArray());
    }

    private static int? At((IReadOnlyDictionary<string, int> Named, int Others) sample, string name) =>
        sample.Named.TryGetValue(name, out var count) ? count : sample.Others > 0 ? null : 0;
}
