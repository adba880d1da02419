using Presence.TestKit.Time;

namespace Presence.TestKit.Tests.Time;

public sealed class VirtualTimeTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void Events_run_in_order_of_time_and_then_of_scheduling()
    {
        var time = new VirtualTime();
        var ran = new List<string>();
        time.At(Second * 2, () => ran.Add("late"));
        time.At(Second, () => ran.Add("first"));
        time.At(Second, () => ran.Add("second"));
        RunUntil(time, Second * 3);
        Assert.Equal(["first", "second", "late"], ran);
        Assert.Equal(Second * 3, time.Now);
    }

    [Fact]
    public void Event_that_is_not_due_waits()
    {
        var time = new VirtualTime();
        var ran = 0;
        time.At(Second * 2, () => ran++);
        RunUntil(time, Second);
        Assert.Equal(0, ran);
        RunUntil(time, Second * 2);
        Assert.Equal(1, ran);
    }

    [Fact]
    public void Event_in_the_past_runs_now()
    {
        var time = new VirtualTime();
        RunUntil(time, Second);
        var at = TimeSpan.Zero;
        time.At(TimeSpan.Zero, () => at = time.Now);
        RunUntil(time, Second);
        Assert.Equal(Second, at);
    }

    [Fact]
    public void Node_clock_shows_no_earlier_time_than_it_was_woken_for()
    {
        foreach (var rate in new[] { -5000, -1, 0, 1, 5000 })
        {
            var clock = new NodeClock(Second * 3, Second * 1000, rate);
            for (var i = 0; i < 1000; i++)
            {
                var target = (Second * 1000) + TimeSpan.FromTicks(i * 12_347);

                var at = clock.WhenShows(target);

                Assert.True(clock.Read(at) >= target);
                Assert.True(at == Second * 3 || clock.Read(at - TimeSpan.FromTicks(2)) < target);
            }
        }
    }

    private static void RunUntil(VirtualTime time, TimeSpan limit)
    {
        while (time.Step(limit))
        {
        }
    }
}
