using Presence.Tracker.Index;

namespace Presence.Tracker.Tests.Index;

public sealed class PersistentTreeTests
{
    [Theory]
    [InlineData(1, 50)]
    [InlineData(2, 5000)]
    [InlineData(3, 300)]
    public void Tree_equals_a_sorted_set_and_old_versions_never_change(int seed, int range)
    {
        var random = new Random(seed);
        var tree = default(PersistentTree<string>);
        var model = new SortedSet<string>(StringComparer.Ordinal);
        var edit = new EditToken();
        var kept = new List<(PersistentTree<string> Tree, string[] Items)>();
        for (var step = 0; step < 20_000; step++)
        {
            var item = $"{random.Next(range):D5}";
            // Phases of growth and shrinking, so that nodes split and join.
            if (random.Next(100) < (step / 2000 % 2 == 0 ? 70 : 25))
            {
                tree = tree.Set(item, new At(item), edit);
                model.Add(item);
            }
            else
            {
                tree = tree.Remove(new At(item), edit);
                model.Remove(item);
            }

            Assert.Equal(model.Count, tree.Count);
            var sought = $"{random.Next(range):D5}";
            Assert.Equal(model.GetViewBetween(sought, "99999").Min, tree.First(new At(sought)));
            if (random.Next(100) == 0)
            {
                Assert.Equal(model, Items(tree));
                edit = new EditToken();
                if (random.Next(10) == 0)
                {
                    kept.Add((tree, [.. model]));
                }
            }
        }

        Assert.All(kept, k => Assert.Equal(k.Items, Items(k.Tree)));
    }

    [Fact]
    public void Tree_finds_items_and_enumerates_from_anywhere()
    {
        var tree = default(PersistentTree<string>);
        for (var i = 0; i < 3000; i++)
        {
            tree = tree.Set($"{i * 2:D5}", new At($"{i * 2:D5}"), new EditToken());
        }

        for (var i = 0; i < 6000; i++)
        {
            Assert.Equal(i % 2 == 0 ? $"{i:D5}" : null, tree.Find(new At($"{i:D5}")));
            var from = tree.From(new At($"{i:D5}"));
            Assert.Equal(i < 5999 ? $"{i + (i % 2):D5}" : null, tree.First(new At($"{i:D5}")));
            Assert.Equal(i < 5999, from.MoveNext());
            if (i < 5999)
            {
                Assert.Equal($"{i + (i % 2):D5}", from.Current);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Large_tree_that_shrinks_and_grows_again_loses_nothing(int seed)
    {
        var random = new Random(seed);
        var edit = new EditToken();
        var tree = default(PersistentTree<string>);
        var model = new SortedSet<string>(StringComparer.Ordinal);
        for (var round = 0; round < 4; round++)
        {
            for (var i = 0; i < 40_000; i++)
            {
                var item = $"{random.Next(1_000_000):D7}";
                tree = tree.Set(item, new At(item), edit);
                model.Add(item);
            }

            foreach (var item in model.Where(_ => random.Next(50) != 0).ToArray())
            {
                tree = tree.Remove(new At(item), edit);
                model.Remove(item);
            }

            // An item below the lowest of a joined node is found.
            for (var i = 0; i < 2000; i++)
            {
                var item = $"{random.Next(1_000_000):D7}";
                tree = tree.Set(item, new At(item), edit);
                model.Add(item);
            }

            Assert.All(model, item => Assert.Equal(item, tree.Find(new At(item))));
            Assert.Equal(model, Items(tree));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(28)]
    [InlineData(29)]
    [InlineData(1000)]
    [InlineData(30_000)]
    public void Tree_built_in_bulk_equals_one_that_grew(int size)
    {
        string[] items = [.. Enumerable.Range(0, size).Select(i => $"{i * 2:D6}")];
        var edit = new EditToken();
        var tree = new PersistentTree<string>(TreeNode<string>.Build(items, edit));
        Assert.Equal(items, Items(tree));
        Assert.Equal(size, tree.Count);
        Assert.All(items, item => Assert.Equal(item, tree.Find(new At(item))));
        var later = tree;
        foreach (var item in items)
        {
            later = later.Set($"{item}+", new At($"{item}+"), new EditToken());
            later = later.Remove(new At(item), new EditToken());
        }

        Assert.Equal(items.Select(item => $"{item}+"), Items(later));
        Assert.Equal(items, Items(tree));
    }

    private static List<string> Items(PersistentTree<string> tree)
    {
        var items = new List<string>();
        foreach (var item in tree)
        {
            items.Add(item);
        }

        return items;
    }

    private readonly struct At(string sought) : IProbe<string>
    {
        public int CompareTo(string item) => string.CompareOrdinal(sought, item);
    }
}
