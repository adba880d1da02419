namespace Presence.TestKit.Tests.Channels;

public sealed class VirtualClockTests
{
    private readonly VirtualClock _clock = new();
    private readonly List<string> _fired = [];

    [Fact]
    public void Timers_fire_in_the_order_in_which_they_are_due_each_at_its_time()
    {
        Set("c", TimeSpan.FromSeconds(3));
        Set("a", TimeSpan.FromSeconds(1));
        Set("b", TimeSpan.FromSeconds(1));
        Set("never", Timeout.InfiniteTimeSpan);
        _clock.Advance(TimeSpan.FromSeconds(2.5));
        Assert.Equal(["a 1", "b 1"], _fired);
        _clock.Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(["a 1", "b 1", "c 3"], _fired);
    }

    [Fact]
    public void A_period_repeats_until_the_timer_is_changed_or_disposed()
    {
        var timer = _clock.CreateTimer(_ => _fired.Add($"{_clock.Elapsed.TotalSeconds}"), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(["1", "3", "5"], _fired);
        timer.Change(TimeSpan.FromSeconds(10), Timeout.InfiniteTimeSpan);
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(["1", "3", "5", "16"], _fired);
        timer.Dispose();
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(4, _fired.Count);
    }

    [Fact]
    public void A_timer_may_set_another_that_is_due_within_the_same_advance()
    {
        _clock.CreateTimer(_ => Set("second", TimeSpan.FromSeconds(1)), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["second 2"], _fired);
    }

    [Fact]
    public void Timestamps_and_the_time_of_day_go_together_and_begin_nowhere_near_zero()
    {
        var (stamp, now) = (_clock.GetTimestamp(), _clock.GetUtcNow());
        Assert.True(stamp > 0);
        _clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(TimeSpan.FromMinutes(5), _clock.GetElapsedTime(stamp));
        Assert.Equal(TimeSpan.FromMinutes(5), _clock.GetUtcNow() - now);
        Assert.Throws<ArgumentOutOfRangeException>(() => _clock.Advance(TimeSpan.FromTicks(-1)));
    }

    private void Set(string name, TimeSpan after) => _clock.CreateTimer(
        _ => _fired.Add($"{name} {_clock.Elapsed.TotalSeconds}"), null, after, Timeout.InfiniteTimeSpan);
}
