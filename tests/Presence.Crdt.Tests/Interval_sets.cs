namespace Presence.Crdt.Tests;

public sealed class Interval_sets
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void They_hold_what_a_hash_set_holds(int seed)
    {
        var random = new Random(seed);
        var set = new IntervalSet();
        var model = new HashSet<ulong>();
        for (var step = 0; step < 400; step++)
        {
            var first = (ulong)random.Next(1, 300);
            var last = first + (ulong)(random.Next(3) == 0 ? random.Next(20) : 0);
            set.Add(new Interval(first, last));
            for (var n = first; n <= last; n++)
            {
                model.Add(n);
            }

            Assert.Equal(model.Order(), Numbers(set));
            Assert.Equal(model.Max(), set.Max);
            Assert.Equal(Enumerable.Range(1, 400).TakeWhile(n => model.Contains((ulong)n)).Count(), (int)set.Prefix);
            Assert.All(Enumerable.Range(1, 330), n => Assert.Equal(model.Contains((ulong)n), set.Contains((ulong)n)));
        }
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public void The_difference_is_that_of_hash_sets(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var (a, b) = (Some(random), Some(random));
            Assert.Equal(Numbers(a).Except(Numbers(b)).Order(), Numbers(a.Except(b)));
        }
    }

    [Fact]
    public void Neighbours_become_one_interval()
    {
        var set = new IntervalSet(new Interval(1, 2), new Interval(4, 5));
        set.Add(3);
        Assert.Equal("1-5", set.ToString());
        Assert.True(set.IsContiguous);
    }

    [Fact]
    public void Bounded_tells_less_than_is_known_and_never_more()
    {
        var set = new IntervalSet(new Interval(1, 3), new Interval(5, 6), new Interval(9, 9));
        Assert.Equal("1-3,5-6,9", set.Bounded(3).ToString());
        Assert.Equal("1-3", set.Bounded(2).ToString());
        Assert.Equal("", new IntervalSet(new Interval(2, 2), new Interval(4, 4)).Bounded(1).ToString());
    }

    private static IntervalSet Some(Random random)
    {
        var set = new IntervalSet();
        for (var i = random.Next(12); i > 0; i--)
        {
            var first = (ulong)random.Next(1, 80);
            set.Add(new Interval(first, first + (ulong)random.Next(6)));
        }

        return set;
    }

    private static List<ulong> Numbers(IntervalSet set)
    {
        var numbers = new List<ulong>();
        foreach (var (first, last) in set.Intervals)
        {
            for (var n = first; n <= last; n++)
            {
                numbers.Add(n);
            }
        }

        return numbers;
    }
}
