namespace Presence.Crdt.Tests;

public sealed class Removal_logs
{
    private static Removal Of(ulong tick, params ulong[] removed) => new(tick, 0, removed);

    private static ulong[] Ticks(ReadOnlySpan<Removal> removals)
    {
        var ticks = new List<ulong>();
        foreach (var removal in removals)
        {
            ticks.Add(removal.Tick);
        }

        return [.. ticks];
    }

    [Fact]
    public void They_keep_ticks_in_order_however_they_come_and_each_once()
    {
        var log = new RemovalLog(100);
        foreach (var tick in new ulong[] { 5, 3, 9, 3, 7, 5 })
        {
            log.Add(Of(tick, tick - 1));
        }

        Assert.Equal([3UL, 5, 7, 9], Ticks(log.Removals));
        Assert.Equal(4, log.DotCount);
    }

    [Fact]
    public void They_forget_the_oldest_beyond_their_capacity()
    {
        var log = new RemovalLog(3);
        for (var tick = 2UL; tick <= 40; tick += 2)
        {
            log.Add(Of(tick, tick - 1));
        }

        Assert.Equal([36UL, 38, 40], Ticks(log.Removals));
        Assert.Equal(3, log.DotCount);
    }

    [Fact]
    public void A_removal_larger_than_the_capacity_is_kept_alone()
    {
        var log = new RemovalLog(2);
        log.Add(Of(2, 1));
        log.Add(Of(9, 3, 4, 5));
        Assert.Equal([9UL], Ticks(log.Removals));
    }

    [Fact]
    public void They_find_the_removals_of_an_interval()
    {
        var log = new RemovalLog(100);
        for (var tick = 2UL; tick <= 20; tick += 2)
        {
            log.Add(Of(tick, tick - 1));
        }

        Assert.Equal([4UL, 6, 8], Ticks(log.Within(new Interval(3, 8))));
        Assert.Equal([20UL], Ticks(log.Within(new Interval(19, ulong.MaxValue))));
        Assert.Empty(Ticks(log.Within(new Interval(21, 30))));
    }
}
