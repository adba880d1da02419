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
        // A heap of the largest: all are looked at, few are ordered.
        var heap = new PriorityQueue<string, (int, string)>(MaxNamed + 1, BySizeThenName);
        var others = 0;
        foreach (var (name, count) in counts)
        {
            heap.Enqueue(name, (count, name));
            if (heap.Count > MaxNamed)
            {
                others += counts[heap.Dequeue()];
            }
        }

        var smallestFirst = new List<string>(heap.Count);
        while (heap.TryDequeue(out var name, out _))
        {
            smallestFirst.Add(name);
        }

        var named = new OrderedDictionary<string, int>(smallestFirst.Count, StringComparer.Ordinal);
        for (var i = smallestFirst.Count - 1; i >= 0; i--)
        {
            named.Add(smallestFirst[i], counts[smallestFirst[i]]);
        }

        return (named, others);
    }

    private static readonly Comparer<(int Count, string Name)> BySizeThenName = Comparer<(int Count, string Name)>.Create(
        (a, b) => a.Count != b.Count ? a.Count.CompareTo(b.Count) : string.CompareOrdinal(b.Name, a.Name));
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
