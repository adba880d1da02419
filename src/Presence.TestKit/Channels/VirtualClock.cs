namespace Presence.TestKit;

/// <summary>A clock that stands still until it is moved, with the timers that go by it.</summary>
/// <remarks>Any thread may ask it and set timers; one moves it.</remarks>
public sealed class VirtualClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly DateTimeOffset _start;
    private readonly List<VirtualTimer> _timers = [];
    private TimeSpan _elapsed;
    private long _order;

    /// <summary>A clock at a time of day.</summary>
    /// <param name="start">What it shows first; the beginning of the year 2030 if null.</param>
    public VirtualClock(DateTimeOffset? start = null) =>
        _start = start ?? new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>How far it has been moved.</summary>
    public TimeSpan Elapsed
    {
        get
        {
            lock (_gate)
            {
                return _elapsed;
            }
        }
    }

    /// <inheritdoc />
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc />
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc />
    public override DateTimeOffset GetUtcNow() => _start + Elapsed;

    // Not from zero: code may take a timestamp of zero for none.
    /// <inheritdoc />
    public override long GetTimestamp() => TimeSpan.TicksPerDay + Elapsed.Ticks;

    /// <inheritdoc />
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves it, firing on this thread what becomes due, in order, each at its own time.</summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        var end = Elapsed + by;
        while (FireNext(end))
        {
        }
    }

    /// <summary>Moves it to the next timer that is due until <paramref name="end"/> and fires that one, else to the end.</summary>
    /// <returns>False at the end.</returns>
    internal bool FireNext(TimeSpan end)
    {
        VirtualTimer? next;
        lock (_gate)
        {
            next = _timers.Where(timer => timer.Due <= end).MinBy(timer => (timer.Due, timer.Order));
            _elapsed = next is null ? end : next.Due > _elapsed ? next.Due : _elapsed;
            next?.Rearm();
        }

        next?.Fire();
        return next is not null;
    }

    private sealed class VirtualTimer(VirtualClock clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private bool _isDisposed;

        public TimeSpan Due { get; private set; }

        public long Order { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                if (_isDisposed)
                {
                    return false;
                }

                clock._timers.Remove(this);
                _period = period;
                Schedule(dueTime);
                return true;
            }
        }

        public void Rearm()
        {
            clock._timers.Remove(this);
            Schedule(_period > TimeSpan.Zero ? _period : Timeout.InfiniteTimeSpan);
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (clock._gate)
            {
                _isDisposed = true;
                clock._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Schedule(TimeSpan wait)
        {
            if (wait >= TimeSpan.Zero)
            {
                Due = clock._elapsed + wait;
                Order = clock._order++;
                clock._timers.Add(this);
            }
        }
    }
}
