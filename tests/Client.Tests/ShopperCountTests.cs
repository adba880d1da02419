using System.Text.Json;

namespace Presence.CommandLine.Tests;

public sealed class ShopperCountTests
{
    [Fact]
    public void Quantiles_are_accurate_to_three_percent()
    {
        var latencies = new Latencies();
        foreach (var ms in Enumerable.Range(1, 1000))
        {
            latencies.Add(TimeSpan.FromMilliseconds(ms));
        }

        Assert.InRange(latencies.Quantile(0.5)!.Value, 500 * 0.97, 500 * 1.04);
        Assert.InRange(latencies.Quantile(0.99)!.Value, 990 * 0.97, 1000);
        Assert.Equal((1000, 1000), (latencies.Count, latencies.Max));
        Assert.Null(new Latencies().Quantile(0.5));
        Assert.Null(new Latencies().Max);
    }

    [Fact]
    public void Report_shows_no_latency_where_none_was_measured()
    {
        using var output = new StringWriter();
        var console = new ClientConsole(output, TextWriter.Null);
        var report = ShoppersReport.Of(
            new Crowd(new([new("http://127.0.0.1/")], 1, 1, default, 1), new(["/"], [1], 2), []), ShopStats.Of([]), 0);
        report.Show(console);
        Assert.Contains("latency p50/p95/p99    none measured", output.ToString(), StringComparison.Ordinal);
        (report with { Compared = true }).Show(console);
        Assert.Contains("shown to admins after  none measured", output.ToString(), StringComparison.Ordinal);
        console.Json(report);
        Assert.Contains("\"p95\":null", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"shownMax\":null", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Decisions_of_a_shopper_are_the_same_in_every_process_with_the_seed() =>
        Assert.Equal(568407879, Shopper.CreateRandom(seed: 1, number: 7).Next());

    [Fact]
    public void Equal_numbers_do_not_differ()
    {
        var known = ShopStats.Of([(["/", "/checkout"], [1, 2]), (["/"], [2]), ([], [3])]);
        Assert.Equal((2, 3), (known.Shoppers, known.OpenPages));
        Assert.Null(Shown(2, 3, """{"/":2,"/checkout":1}""", """{"1":1,"2":2}""").DifferenceFrom(known));
    }

    [Fact]
    public void Differences_are_reported()
    {
        var known = ShopStats.Of([(["/"], [1])]);
        var difference = Shown(1, 2, """{"/":1,"/ghost":1}""", """{}""").DifferenceFrom(known);
        Assert.Equal(
            "open pages: shows 2, expected 1; page /ghost: shows 1, expected 0; item 1: shows 0, expected 1",
            difference);
    }

    [Fact]
    public void Shoppers_of_other_runs_are_added()
    {
        var own = ShopStats.Of([(["/"], [1])]);
        Assert.Null(Shown(3, 3, """{"/":3}""", """{"1":1,"2":2}""").DifferenceFrom(
            own.Plus(Shown(2, 2, """{"/":2}""", """{"2":2}"""))));
    }

    private static ShopStats Shown(int shoppers, int pages, string byPath, string byItem) => ShopStats.Read(
        JsonSerializer.Deserialize<JsonElement>(
            $$"""{"shoppers":{{shoppers}},"open_pages":{{pages}},"pages":{{byPath}},"items":{{byItem}}}"""));
}
