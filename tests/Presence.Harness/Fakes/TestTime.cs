using Microsoft.Extensions.Time.Testing;

namespace Presence.Harness.Fakes;

/// <summary>
/// A fake clock whose <see cref="Advance"/> returns after the timers that are due have fired. That of
/// <see cref="FakeTimeProvider"/> returns before, if another thread reads the time meanwhile: that thread fires them,
/// and a periodic timer then misses the ticks up to the new time.
/// </summary>
public class TestTime : FakeTimeProvider
{
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    [ThreadStatic]
    private static bool _isInCallback;

    public TestTime()
    {
    }

    public TestTime(DateTimeOffset start)
        : base(start)
    {
    }

    /// <summary>Advances the time and waits for the timers that are due.</summary>
    /// <exception cref="TimeoutException">One of them has not returned after 60 s of real time.</exception>
    public new void Advance(TimeSpan by)
    {
        if (_isInCallback)
        {
            base.Advance(by);
            return;
        }

        // Of timers that are due at the same time, the one that was set first fires first: that of the end is the last.
        using var fired = new ManualResetEventSlim();
        using var last = CreateInner(_ => fired.Set());
        using var arrived = CreateInner(_ => last.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan));
        arrived.Change(by, Timeout.InfiniteTimeSpan);
        base.Advance(by);
        if (!fired.Wait(MaxWait))
        {
            throw new TimeoutException($"A timer has not returned within {MaxWait.TotalSeconds:0} s.");
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(
            given =>
            {
                _isInCallback = true;
                try
                {
                    callback(given);
                }
                finally
                {
                    _isInCallback = false;
                }
            },
            state,
            dueTime,
            period);

    private ITimer CreateInner(TimerCallback callback) =>
        base.CreateTimer(callback, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
}
