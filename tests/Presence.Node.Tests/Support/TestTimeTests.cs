namespace Presence.Node.Tests.Support;

public sealed class TestTimeTests
{
    [Fact]
    public async Task Timers_have_fired_when_the_time_has_advanced_while_others_read_it()
    {
        var time = new TestTime();
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                time.GetTimestamp();
            }
        })).ToArray();
        var fired = 0;
        using var timer = time.CreateTimer(
            _ => Interlocked.Increment(ref fired), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        for (var i = 1; i <= 10_000; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.Equal(i, Volatile.Read(ref fired));
        }

        stop.Cancel();
        await Task.WhenAll(readers);
    }

    [Fact]
    public void Timer_may_advance_the_time()
    {
        var time = new TestTime();
        using var timer = time.CreateTimer(
            _ => time.Advance(TimeSpan.FromSeconds(1)), null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(time.Start + TimeSpan.FromSeconds(2), time.GetUtcNow());
    }
}
