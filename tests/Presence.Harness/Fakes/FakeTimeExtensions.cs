using Microsoft.Extensions.Time.Testing;

namespace Presence.Harness.Fakes;

/// <summary>Moves a fake clock as time passes.</summary>
public static class FakeTimeExtensions
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Advances in steps of 100 ms, until the whole time or the condition is reached. One large step would show a timer
    /// that is armed again in its own callback the end of the step, not the time at which it became due.
    /// </summary>
    public static void AdvanceInSteps(this FakeTimeProvider time, TimeSpan by, Func<bool>? until = null)
    {
        for (var left = by; left > TimeSpan.Zero && until?.Invoke() != true; left -= Step)
        {
            time.Advance(left < Step ? left : Step);
        }
    }
}
