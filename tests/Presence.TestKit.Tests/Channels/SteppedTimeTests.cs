using Presence.TestKit.Channels;

namespace Presence.TestKit.Tests.Channels;

public sealed class SteppedTimeTests
{
    private readonly SteppedTime _clock = new();
    private readonly DateTimeOffset _start = new SteppedTime().GetUtcNow();
    private readonly List<string> _fired = [];

    [Fact]
    public void Timers_fire_in_the_order_in_which_they_are_due_each_at_its_time()
    {
        Set("c", TimeSpan.FromSeconds(3));
        Set("a", TimeSpan.FromSeconds(1));
        Set("b", TimeSpan.FromSeconds(1));
        Set("never", Timeout.InfiniteTimeSpan);
        Advance(TimeSpan.FromSeconds(2.5));
        Assert.Equal(["a 1", "b 1"], _fired);
        Advance(TimeSpan.FromSeconds(0.5));
        Assert.Equal(["a 1", "b 1", "c 3"], _fired);
    }

    [Fact]
    public void Period_repeats_until_the_timer_is_changed_or_disposed()
    {
        var timer = _clock.CreateTimer(
            _ => _fired.Add($"{Elapsed}"), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        Advance(TimeSpan.FromSeconds(6));
        Assert.Equal(["1", "3", "5"], _fired);
        timer.Change(TimeSpan.FromSeconds(10), Timeout.InfiniteTimeSpan);
        Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(["1", "3", "5", "16"], _fired);
        timer.Dispose();
        Assert.False(timer.Change(TimeSpan.Zero, TimeSpan.Zero));
        Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(4, _fired.Count);
    }

    [Fact]
    public void Timer_may_start_another_that_is_due_within_the_same_advance()
    {
        _clock.CreateTimer(
            _ => Set("second", TimeSpan.FromSeconds(1)), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(["second 2"], _fired);
    }

    [Fact]
    public void Timestamps_and_the_time_of_day_advance_together_and_do_not_start_at_zero()
    {
        var (stamp, now) = (_clock.GetTimestamp(), _clock.GetUtcNow());
        Assert.True(stamp > 0);
        Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(TimeSpan.FromMinutes(5), _clock.GetElapsedTime(stamp));
        Assert.Equal(TimeSpan.FromMinutes(5), _clock.GetUtcNow() - now);
        Assert.Throws<ArgumentOutOfRangeException>(() => _clock.Advance(TimeSpan.FromTicks(-1)));
    }

    [Fact]
    public void Timer_due_at_once_fires_when_the_clock_moves_and_not_within_the_call_that_starts_it()
    {
        Set("now", TimeSpan.Zero);
        Assert.Empty(_fired);

        Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["now 1E-07"], _fired);
        Assert.Equal(1, Elapsed);
    }

    [Fact]
    public async Task Timers_have_fired_when_the_clock_has_moved_while_others_read_it()
    {
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _clock.GetTimestamp();
            }
        });
        var fired = 0;
        using var timer = _clock.CreateTimer(
            _ => Interlocked.Increment(ref fired), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        for (var i = 1; i <= 10_000; i++)
        {
            _clock.Step(_start + TimeSpan.FromHours(10));
            Assert.Equal(i, Volatile.Read(ref fired));
        }

        stop.Cancel();
        await reader;
    }

    private double Elapsed => (_clock.GetUtcNow() - _start).TotalSeconds;

    private void Advance(TimeSpan by)
    {
        var end = _clock.GetUtcNow() + by;
        while (_clock.Step(end))
        {
        }
    }

    private void Set(string name, TimeSpan after) => _clock.CreateTimer(
        _ => _fired.Add($"{name} {Elapsed}"), null, after, Timeout.InfiniteTimeSpan);
}
