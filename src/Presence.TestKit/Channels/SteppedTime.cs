using Microsoft.Extensions.Time.Testing;

namespace Presence.TestKit.Channels;

/// <summary>
/// A fake clock that can be moved from timer to timer. <see cref="FakeTimeProvider.Advance"/> shows the end time to all
/// timers that fire, does not report when the next one is due, and returns before they have fired if another thread
/// reads the time meanwhile: then that thread fires them.
/// </summary>
internal sealed class SteppedTime() : FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero))
{
    [ThreadStatic]
    private static bool _isFiring;

    private readonly Lock _gate = new();
    private readonly HashSet<SteppedTimer> _timers = [];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SteppedTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>
    /// Moves to the next time at which timers are due, or to <paramref name="end"/>, and waits until those have fired.
    /// </summary>
    /// <returns>False if <paramref name="end"/> is reached.</returns>
    public bool Step(DateTimeOffset end)
    {
        DateTimeOffset? next;
        lock (_gate)
        {
            next = _timers.Min(timer => timer.Due);
        }

        var isDue = next <= end;
        Move((isDue ? next!.Value : end) - GetUtcNow());
        return isDue;
    }

    private void Move(TimeSpan by)
    {
        // Of timers that are due at the same time, the one that was set first fires first: that of the end is the last.
        using var fired = new ManualResetEventSlim();
        using var last = CreateInner(_ => fired.Set());
        using var arrived = CreateInner(_ => last.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan));
        arrived.Change(by, Timeout.InfiniteTimeSpan);
        Advance(by);
        if (!_isFiring)
        {
            fired.Wait();
        }
    }

    private ITimer CreateInner(TimerCallback callback) =>
        base.CreateTimer(callback, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    private sealed class SteppedTimer : ITimer
    {
        private readonly SteppedTime _time;
        private readonly ITimer _timer;
        private TimeSpan _period;
        private volatile bool _isDisposed;

        public SteppedTimer(SteppedTime time, Action fire)
        {
            _time = time;
            _timer = time.CreateInner(_ =>
            {
                Schedule(Due, _period);
                _isFiring = true;
                try
                {
                    fire();
                }
                finally
                {
                    _isFiring = false;
                }
            });
        }

        /// <summary>Gets when it fires next; null if it does not.</summary>
        public DateTimeOffset? Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            // Zero would fire within this call, before the caller has the timer.
            dueTime = dueTime == TimeSpan.Zero ? TimeSpan.FromTicks(1) : dueTime;
            _period = period;
            Schedule(_time.GetUtcNow(), dueTime);
            return _timer.Change(dueTime, period);
        }

        public void Dispose()
        {
            _isDisposed = true;
            Schedule(null, TimeSpan.Zero);
            _timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Schedule(DateTimeOffset? from, TimeSpan wait)
        {
            lock (_time._gate)
            {
                Due = wait > TimeSpan.Zero && !_isDisposed ? from + wait : null;
                _ = Due is null ? _time._timers.Remove(this) : _time._timers.Add(this);
            }
        }
    }
}
