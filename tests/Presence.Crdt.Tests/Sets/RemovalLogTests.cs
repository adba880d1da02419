namespace Presence.Crdt.Tests.Sets;

public sealed class RemovalLogTests
{
    private static Gen<(int Tick, int Dots)> Some { get; } =
        from tick in Gen.Choose(10, 80)
        from dots in Gen.Frequency((4, Gen.Constant(1)), (1, Gen.Choose(0, 9)))
        select (tick, dots);

    [Fact]
    public void Log_equals_a_bounded_sorted_dictionary() => Histories.Hold(400, Some, 60, removals =>
    {
        const int capacity = 12;
        var log = new RemovalLog(capacity);
        var model = new SortedDictionary<ulong, int>();
        foreach (var (tick, dots) in removals)
        {
            log.Add(Of((ulong)tick, dots));
            model.TryAdd((ulong)tick, dots);
            while (Math.Max(model.Values.Sum(), model.Count) > capacity && model.Count > 1)
            {
                model.Remove(model.Keys.First());
            }

            Assert.Equal(
                model.Select(r => (r.Key, r.Value)), log.Removals.ToArray().Select(r => (r.Tick, r.Removed.Length)));
            Assert.Equal((model.Count, model.Values.Sum()), (log.Count, log.DotCount));
        }

        for (var first = 9UL; first < 82; first += 3)
        {
            for (var last = first; last < 84; last += 4)
            {
                var within = Ticks(log.Within(new Interval(first, last)));
                Assert.Equal(model.Keys.Where(t => t >= first && t <= last), within);
            }
        }
    });

    [Fact]
    public void Log_keeps_ticks_in_order_and_each_once()
    {
        var log = new RemovalLog(100);
        foreach (var tick in new ulong[] { 5, 3, 9, 3, 7, 5 })
        {
            log.Add(Of(tick, 1));
        }

        Assert.Equal([3UL, 5, 7, 9], Ticks(log.Removals));
        Assert.Equal(4, log.DotCount);
    }

    [Fact]
    public void Log_drops_the_oldest_by_tick_and_not_by_arrival()
    {
        var log = new RemovalLog(3);
        foreach (var tick in new ulong[] { 20, 30, 40, 10, 25 })
        {
            log.Add(Of(tick, 1));
        }

        Assert.Equal([25UL, 30, 40], Ticks(log.Removals));
    }

    [Fact]
    public void Log_reuses_its_memory_without_growing()
    {
        var log = new RemovalLog(50);
        for (var tick = 2UL; tick <= 20_000; tick += 2)
        {
            log.Add(Of(tick, 1));
        }

        var next = Of(20_002, 1);
        var end = 20_002UL;
        var bytes = AllocatedBytes.Fewest(() => AllocatedBytes.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                log.Add(next with { Tick = end });
                end += 2;
            }
        }));

        Assert.Equal(0, bytes);
        Assert.Equal(Enumerable.Range(1, 50).Reverse().Select(i => end - (ulong)(i * 2)), Ticks(log.Removals));
    }

    [Fact]
    public void Removal_larger_than_the_capacity_is_kept_alone()
    {
        var log = new RemovalLog(2);
        log.Add(Of(2, 1));
        log.Add(Of(9, 3));
        Assert.Equal([9UL], Ticks(log.Removals));
        log.Add(Of(11, 1));
        Assert.Equal([11UL], Ticks(log.Removals));
    }

    [Fact]
    public void Empty_removals_do_not_fill_the_memory()
    {
        var log = new RemovalLog(10);
        for (var tick = 1UL; tick <= 1000; tick++)
        {
            log.Add(Of(tick, 0));
        }

        Assert.Equal(10, log.Count);
    }

    [Fact]
    public void Log_finds_the_removals_of_an_interval_with_both_ends()
    {
        var log = new RemovalLog(100);
        Assert.Empty(Ticks(log.Within(new Interval(1, ulong.MaxValue))));
        for (var tick = 2UL; tick <= 20; tick += 2)
        {
            log.Add(Of(tick, 1));
        }

        Assert.Equal([4UL, 6, 8], Ticks(log.Within(new Interval(4, 8))));
        Assert.Equal([4UL, 6, 8], Ticks(log.Within(new Interval(3, 9))));
        Assert.Empty(Ticks(log.Within(new Interval(5, 5))));
        Assert.Empty(Ticks(log.Within(new Interval(21, 30))));
        Assert.Equal([20UL], Ticks(log.Within(new Interval(19, ulong.MaxValue))));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Log_without_capacity_is_rejected(int capacity) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RemovalLog(capacity));

    private static Removal Of(ulong tick, int dots) => new(tick, 0, new ulong[dots]);

    private static ulong[] Ticks(ReadOnlySpan<Removal> removals) => [.. removals.ToArray().Select(r => r.Tick)];
}
