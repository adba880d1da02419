using Presence.CommandLine;

namespace Presence.EndToEnd.Tests.Shop;

/// <summary>The simulated customers of the command line.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class ShopperTests(ThreeSilos nodes)
{
    [Fact]
    public async Task Shopper_that_leaves_for_good_is_replaced_by_a_new_customer()
    {
        var options = new ShopperOptions([.. nodes.Nodes.Select(node => new Uri(node))], 1, 1, TimeSpan.Zero, Seed: 7)
        {
            Thinking = TimeSpan.FromMilliseconds(1),
        };
        var counts = new ShopperCounts();
        var shopper = new Shopper(0, options, new ShopRange(["/", "/checkout"], [1, 2, 3], 4), counts);
        using var stop = new CancellationTokenSource();
        var shopping = shopper.ShopAsync(stop.Token);
        // Of a hundred actions three leave for good, and at least forty join: this is about ten customers.
        await TestTimeouts.UntilAsync(
            "300 joins", TimeSpan.FromSeconds(60), () => counts.Joined >= 300 || shopping.IsCompleted);
        var ended = shopping.IsCompleted;
        await stop.CancelAsync();
        await shopping;
        Assert.False(ended, $"The shopper left after {counts.Joined} joins. {counts.FirstFailure}");
        Assert.NotEmpty(shopper.Pages);
        Assert.True(counts.Disagreed == 0, counts.FirstDisagreement);
        await shopper.LeaveAsync(graceful: true);
    }
}
