using Presence.Samples.Shop;

namespace Presence.Samples.Tests.Shop;

public sealed class CartTests
{
    [Fact]
    public void Cart_holds_what_was_added_and_not_what_was_removed()
    {
        var cart = Cart.Empty.With(1, true, 7).With(2, true, 7).With(1, false, 7);
        Assert.Equal([2], cart.Items);
        Assert.Equal([1, 2], cart.With(1, true, 7).Items);
    }

    [Fact]
    public void Merging_in_any_order_and_again_gives_the_same_cart()
    {
        var random = new Random(11);
        for (var round = 0; round < 200; round++)
        {
            var tabs = Enumerable.Range(0, 3).Select(_ => Cart.Empty).ToArray();
            for (var step = 0; step < 12; step++)
            {
                var tab = random.Next(3);
                tabs[tab] = random.Next(4) == 0
                    ? tabs[tab].Merge(tabs[random.Next(3)])
                    : tabs[tab].With(random.Next(1, 5), random.Next(2) == 0, (uint)tab);
            }

            var forward = tabs[0].Merge(tabs[1]).Merge(tabs[2]);
            var backward = tabs[2].Merge(tabs[1].Merge(tabs[0])).Merge(tabs[1]);
            Assert.True(forward.Equals(backward), $"round {round}: {forward} and {backward}");
        }
    }

    [Fact]
    public void Change_made_after_another_one_wins()
    {
        var first = Cart.Empty.With(1, true, 9);
        var second = first.With(1, false, 1);
        Assert.Empty(first.Merge(second).Items);
    }

    [Fact]
    public void Text_is_read_back_without_items_that_are_no_longer_sold()
    {
        var cart = Cart.Empty.With(1, true, 7).With(2, false, uint.MaxValue);
        Assert.True(Cart.Parse(cart.ToString()).Equals(cart));
        Assert.True(Cart.Parse("").Equals(Cart.Empty));
        Assert.Equal([1], Cart.Parse("1:1:7:1,999:1:7:1").Items);
        Assert.Throws<FormatException>(() => Cart.Parse("1:1"));
    }
}
