namespace Presence.Crdt.Tests.Sets;

public sealed class IntervalSetTests
{
    private const int Largest = 120;

    private static Gen<Interval> Some { get; } =
        from first in Gen.Choose(1, Largest)
        from more in Gen.Frequency((3, Gen.Constant(0)), (2, Gen.Choose(1, 12)))
        select new Interval((ulong)first, (ulong)Math.Min(first + more, Largest));

    [Fact]
    public void Set_equals_a_hash_set() => Histories.Hold(500, Some, 60, intervals =>
    {
        var set = new IntervalSet();
        var model = new HashSet<ulong>();
        foreach (var interval in intervals)
        {
            set.Add(interval);
            model.UnionWith(NumbersOf(interval));
            AssertSame(model, set);
        }
    });

    [Fact]
    public void Union_and_difference_equal_those_of_hash_sets() => Histories.Hold(1000, Some, 60, intervals =>
    {
        var half = intervals.Length / 2;
        var (left, right) = (new IntervalSet(intervals.AsSpan(0, half)), new IntervalSet(intervals.AsSpan(half)));
        AssertSame(Numbers(left).Except(Numbers(right)).ToHashSet(), left.Except(right));
        AssertSame(Numbers(right).Except(Numbers(left)).ToHashSet(), right.Except(left));
        var both = left.Copy();
        both.UnionWith(right);
        AssertSame(Numbers(left).Union(Numbers(right)).ToHashSet(), both);
    });

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(200)]
    public void Union_with_many_intervals_is_that_of_hash_sets(int count)
    {
        var random = new Random(count);
        for (var round = 0; round < 100; round++)
        {
            var left = Scattered(random, random.Next(0, 200), 1);
            var right = Scattered(random, count, (ulong)random.Next(1, 800));
            var expected = Numbers(left).Union(Numbers(right)).ToHashSet();
            left.UnionWith(right);
            AssertSame(expected, left);
        }
    }

    [Fact]
    public void Union_with_itself_changes_nothing()
    {
        var set = Scattered(new Random(1), 100, 1);
        var before = set.ToString();
        set.UnionWith(set);
        Assert.Equal(before, set.ToString());
    }

    [Fact]
    public void Empty_set_contains_nothing_and_is_contiguous()
    {
        var set = new IntervalSet();
        Assert.Equal((0, 0UL, 0UL, ""), (set.IntervalCount, set.Max, set.Prefix, set.ToString()));
        Assert.True(set.IsContiguous);
        Assert.False(set.Contains(0) || set.Contains(1) || set.Contains(ulong.MaxValue));
        Assert.Equal(0, set.Except(new IntervalSet(new Interval(1, 9))).IntervalCount);
    }

    [Theory]
    [InlineData("1-2,4-5", 3, 3, "1-5")]
    [InlineData("1-2,6-7", 3, 4, "1-4,6-7")]
    [InlineData("1-2,6-7", 4, 4, "1-2,4,6-7")]
    [InlineData("2-3,6-7,9", 1, 9, "1-9")]
    [InlineData("2-3,6-7,9", 4, 5, "2-7,9")]
    [InlineData("2-3", 1, 1, "1-3")]
    [InlineData("2-3", 2, 3, "2-3")]
    [InlineData("1-9", 3, 4, "1-9")]
    public void Adjacent_intervals_are_joined_and_others_stay_apart(string held, ulong first, ulong last, string then)
    {
        var set = Parse(held);
        set.Add(new Interval(first, last));
        Assert.Equal(then, set.ToString());
    }

    [Fact]
    public void Prefix_begins_at_one()
    {
        Assert.Equal((0UL, false), (Parse("2-9").Prefix, Parse("2-9").IsContiguous));
        Assert.Equal((4UL, false), (Parse("1-4,6").Prefix, Parse("1-4,6").IsContiguous));
        Assert.Equal((4UL, true), (Parse("1-4").Prefix, Parse("1-4").IsContiguous));
    }

    [Fact]
    public void Largest_numbers_do_not_overflow()
    {
        const ulong last = ulong.MaxValue - 1;
        var set = new IntervalSet();
        set.Add(last);
        set.Add(last);
        set.Add(last - 2);
        Assert.Equal(2, set.IntervalCount);
        set.Add(last - 1);
        Assert.Equal([new Interval(last - 2, last)], set.Intervals.ToArray());
        var below = new IntervalSet(new Interval(1, last - 1));
        Assert.Equal([new Interval(last, last)], set.Except(below).Intervals.ToArray());
        Assert.False(set.Contains(ulong.MaxValue));
    }

    [Theory]
    [InlineData(0UL, 0UL)]
    [InlineData(0UL, 5UL)]
    [InlineData(7UL, 6UL)]
    [InlineData(1UL, ulong.MaxValue)]
    [InlineData(ulong.MaxValue, ulong.MaxValue)]
    public void Invalid_interval_is_rejected_and_changes_nothing(ulong first, ulong last)
    {
        var set = Parse("1-3,5");
        Assert.Throws<ArgumentOutOfRangeException>(() => set.Add(new Interval(first, last)));
        Assert.Equal("1-3,5", set.ToString());
    }

    [Fact]
    public void Bounded_set_is_a_subset_of_the_set()
    {
        var set = Parse("1-3,5-6,9");
        Assert.Equal("1-3,5-6,9", set.Bounded(3).ToString());
        Assert.Equal("1-3", set.Bounded(2).ToString());
        Assert.Equal("1-3", set.Bounded(1).ToString());
        Assert.Equal("", Parse("2,4").Bounded(1).ToString());
        Assert.Equal("2", Parse("2").Bounded(1).ToString());
    }

    [Fact]
    public void Copies_are_independent()
    {
        var set = Parse("1-3");
        var (copy, bounded) = (set.Copy(), set.Bounded(64));
        set.Add(4);
        copy.Add(9);
        Assert.Equal(("1-4", "1-3,9", "1-3"), (set.ToString(), copy.ToString(), bounded.ToString()));
    }

    private static void AssertSame(HashSet<ulong> model, IntervalSet set)
    {
        Assert.Equal(model.Order(), Numbers(set));
        Assert.Equal(model.Count == 0 ? 0 : model.Max(), set.Max);
        var prefix = 0UL;
        while (model.Contains(prefix + 1))
        {
            prefix++;
        }

        Assert.Equal(prefix, set.Prefix);
        Assert.Equal(model.Count(n => !model.Contains(n - 1)), set.IntervalCount);
        for (var n = 0UL; n <= set.Max + 2; n++)
        {
            Assert.Equal(model.Contains(n), set.Contains(n));
        }
    }

    private static IntervalSet Scattered(Random random, int count, ulong from)
    {
        var set = new IntervalSet();
        for (var i = 0; i < count; i++)
        {
            from += (ulong)random.Next(1, 5);
            var last = from + (ulong)random.Next(3);
            set.Add(new Interval(from, last));
            from = last + 1;
        }

        return set;
    }

    private static IntervalSet Parse(string text)
    {
        var set = new IntervalSet();
        foreach (var part in text.Split(','))
        {
            var ends = part.Split('-');
            set.Add(new Interval(ulong.Parse(ends[0]), ulong.Parse(ends[^1])));
        }

        return set;
    }

    private static IEnumerable<ulong> NumbersOf(Interval interval)
    {
        for (var n = interval.First; n <= interval.Last; n++)
        {
            yield return n;
        }
    }

    private static List<ulong> Numbers(IntervalSet set) => [.. set.Intervals.ToArray().SelectMany(NumbersOf)];
}
