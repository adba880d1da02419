namespace Presence.Processes.Tests;

/// <summary>Tests of <see cref="TimeBound"/>.</summary>
public sealed class TimeBoundTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    private int _attempts;

    [Fact]
    public async Task Scenario_that_keeps_the_bound_runs_once()
    {
        await RunAsync(2);
        Assert.Equal(1, _attempts);
    }

    [Fact]
    public async Task Scenario_that_takes_too_long_is_repeated()
    {
        await RunAsync(2.1, 3, 1);
        Assert.Equal(3, _attempts);
    }

    [Fact]
    public async Task Scenario_that_takes_too_long_each_time_fails_with_all_times()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => RunAsync(2.1, 3, 2.5, 1));
        Assert.Equal("The return: 2.10 s, 3.00 s, 2.50 s, allowed are 2 s.", error.Message);
    }

    [Fact]
    public async Task Scenario_that_fails_is_not_repeated()
    {
        await Assert.ThrowsAsync<IndexOutOfRangeException>(() => RunAsync());
        Assert.Equal(1, _attempts);
    }

    [Fact]
    public async Task Failure_after_an_attempt_that_took_too_long_is_named_with_the_time()
    {
        var error = await Assert.ThrowsAsync<TimeoutException>(() => RunAsync(2.1));
        var cause = Assert.IsType<IndexOutOfRangeException>(error.InnerException);
        Assert.Equal($"The return: 2.10 s, allowed are 2 s. Attempt 2 failed: {cause.Message}", error.Message);
        Assert.Equal(2, _attempts);
    }

    private Task RunAsync(params double[] seconds) =>
        TimeBound.MustHoldAsync("The return", Bound, attempt =>
        {
            Assert.Equal(++_attempts, attempt);
            return Task.FromResult(TimeSpan.FromSeconds(seconds[attempt - 1]));
        });
}
