namespace Presence.Crdt.Tests.Dots;

public sealed class LiveDotsTests
{
    private readonly ReplicaState<Value> _dots = new();
    private readonly SortedDictionary<ulong, Value> _model = [];

    [Theory]
    [InlineData(1, 10, 5)]
    [InlineData(2, 300, 40)]
    [InlineData(3, 3000, 500)]
    [InlineData(4, 20_000, 2500)]
    [InlineData(5, 20_000, 19_000)]
    public void LiveDots_are_the_added_values_that_did_not_end_in_ascending_order(int seed, int highest, int rounds)
    {
        var random = new Random(seed);
        for (var round = 0; round < rounds; round++)
        {
            AddSome(random, highest);
            EndSome(random, highest);
            if (round % 50 == 0)
            {
                AssertAsModelled(random, highest);
            }
        }

        AssertAsModelled(random, highest);
        EndSome(random, highest, every: true);
        Assert.Empty(_dots.Live);
        _dots.Add((ulong)highest + 1000, new Value((ulong)highest + 1000, "k"));
        Assert.Equal((ulong)highest + 1000, Assert.Single(_dots.Live).Key);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(257)]
    [InlineData(5000)]
    public void State_without_known_dots_is_copied_as_it_is(int count)
    {
        var state = new ReplicaState<Value>();
        for (var i = 1; i <= count; i++)
        {
            state.Add((ulong)i * 2, new Value((ulong)i * 2, "k"));
        }

        // Holes in the pages and at their ends.
        state.MarkRemoved(new Interval(2, 2));
        for (var i = 3; i <= count; i += 3)
        {
            state.MarkRemoved(new Interval((ulong)i * 2, (ulong)i * 2));
        }

        var merged = new MergeResult<Value>();
        _dots.EnsureCapacity(3);
        _dots.Merge(state, merged);
        Assert.Equal(state.Live.Keys, _dots.Live.Keys);
        Assert.Equal(state.Live.Values, merged.Joined);
        Assert.All(state.Live, live => Assert.Same(live.Value, _dots.Live[live.Key]));
        Assert.Equal(state.Count, _dots.Count);
        Assert.Equal(state.Context.ToString(), _dots.Context.ToString());
        Assert.Equal(state.Removed().ToString(), _dots.Removed().ToString());
    }

    [Fact]
    public void Values_that_end_in_any_order_leave_little_memory()
    {
        const ulong many = 200_000;
        for (var number = 1UL; number <= many; number++)
        {
            _dots.Add(number, new Value(number, "k"));
        }

        var value = _dots.Live[100];
        Assert.InRange(_dots.Live.Capacity, (int)many, (int)many + 256);
        for (var number = 1UL; number <= many; number++)
        {
            var at = number * 7919 % many + 1;
            if (at % 100 != 0)
            {
                _dots.RemoveUnsent(at, out _);
            }
        }

        Assert.Equal((int)many / 100, _dots.Live.Count);
        Assert.InRange(_dots.Live.Capacity, _dots.Count, _dots.Count * 4);
        Assert.Same(value, _dots.Live[100]);
    }

    private void AddSome(Random random, int highest)
    {
        for (var left = random.Next(20); left > 0; left--)
        {
            var number = (ulong)random.Next(1, highest);
            var value = new Value(number, "k");
            if (_dots.Add(number, value))
            {
                _model.Add(number, value);
            }
        }
    }

    private void EndSome(Random random, int highest, bool every = false)
    {
        var first = every ? 1UL : (ulong)random.Next(1, highest);
        var last = every ? (ulong)highest : first + (ulong)random.Next(random.Next(3) == 0 ? 600 : 6);
        _dots.MarkRemoved(new Interval(first, last));
        foreach (var number in _model.Keys.Where(n => n >= first && n <= last).ToArray())
        {
            _model.Remove(number);
        }
    }

    private void AssertAsModelled(Random random, int highest)
    {
        Assert.Equal(_model.Count, _dots.Count);
        Assert.Equal(_model, _dots.Live);
        Assert.Equal(_model.Keys, _dots.LiveSequences());
        for (var tries = 0; tries < 20; tries++)
        {
            var first = (ulong)random.Next(1, highest);
            var last = first + (ulong)random.Next(highest);
            var within = _model.Keys.Where(n => n >= first && n <= last).ToArray();
            var interval = new IntervalSet(new Interval(first, last));
            Assert.Equal(within, _dots.LiveWithin(interval));
            Assert.Equal(within.Length, _dots.CountWithin(interval));
            Assert.Equal(within.Take(5), _dots.LiveWithin(interval, 5));
            Assert.Equal(_model.ContainsKey(first), _dots.TryGet(first, out var value) && value.Sequence == first);
        }
    }
}
