namespace Presence.Harness.Fakes;

/// <summary>Moves a fake clock as time passes.</summary>
public static class FakeTimeExtensions
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Advances in steps of 100 ms until the whole time has passed or the condition holds. In one large step, a timer
    /// that is rearmed in its callback would see the end of the step instead of its due time.
    /// </summary>
    public static void AdvanceInSteps(this TestTime time, TimeSpan by, Func<bool>? until = null)
    {
        for (var left = by; left > TimeSpan.Zero && until?.Invoke() != true; left -= Step)
        {
            time.Advance(left < Step ? left : Step);
        }
    }

    /// <summary>
    /// Advances in steps of 100 ms, with a real pause after each, until the condition holds. To a shard that is busy
    /// meanwhile, time without its ticks is a suspension of its node: this gives it the time to run.
    /// </summary>
    /// <exception cref="TimeoutException">It does not hold after 30 s of real time.</exception>
    public static Task AdvanceUntilAsync(this TestTime time, string what, Func<bool> condition) =>
        TestTimeouts.UntilAsync(what, TimeSpan.FromSeconds(30), () =>
        {
            time.Advance(Step);
            return condition();
        });
}
