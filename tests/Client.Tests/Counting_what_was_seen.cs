using System.Text.Json;

namespace Presence.CommandLine.Tests;

public sealed class Counting_what_was_seen
{
    [Fact]
    public void Quantiles_are_right_to_three_percent()
    {
        var latencies = new Latencies();
        foreach (var ms in Enumerable.Range(1, 1000))
        {
            latencies.Add(TimeSpan.FromMilliseconds(ms));
        }

        Assert.InRange(latencies.Quantile(0.5), 500 * 0.97, 500 * 1.04);
        Assert.InRange(latencies.Quantile(0.99), 990 * 0.97, 1000);
        Assert.Equal((1000, 1000), (latencies.Count, latencies.Max));
        Assert.Equal(0, new Latencies().Quantile(0.5));
    }

    [Fact]
    public void Equal_numbers_do_not_differ()
    {
        var known = ShopNumbers.Of([(["/", "/checkout"], [1, 2]), (["/"], [2]), ([], [3])]);
        Assert.Equal((2, 3), (known.Shoppers, known.OpenPages));
        Assert.Null(Shown(2, 3, """{"/":2,"/checkout":1}""", """{"1":1,"2":2}""").DifferenceFrom(known));
    }

    [Fact]
    public void Every_difference_is_named()
    {
        var known = ShopNumbers.Of([(["/"], [1])]);
        var difference = Shown(1, 2, """{"/":1,"/ghost":1}""", """{}""").DifferenceFrom(known);
        Assert.Equal("open pages: shows 2, expected 1; page /ghost: shows 1, expected 0; item 1: shows 0, expected 1", difference);
    }

    [Fact]
    public void Shoppers_of_others_are_added()
    {
        var own = ShopNumbers.Of([(["/"], [1])]);
        Assert.Null(Shown(3, 3, """{"/":3}""", """{"1":1,"2":2}""").DifferenceFrom(own.Plus(Shown(2, 2, """{"/":2}""", """{"2":2}"""))));
    }

    private static ShopNumbers Shown(int shoppers, int pages, string byPath, string byItem) => ShopNumbers.Read(
        JsonSerializer.Deserialize<JsonElement>(
            $$"""{"shoppers":{{shoppers}},"open_pages":{{pages}},"pages":{{byPath}},"items":{{byItem}}}"""));
}
