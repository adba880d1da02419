using System.Collections.Concurrent;
using Presence.Harness.Fakes;

namespace Presence.Channels.Tests;

/// <summary>A fake clock that counts its timers and how often the time of day was read.</summary>
internal sealed class CountingTime() : TestTime(DateTimeOffset.UnixEpoch.AddYears(56))
{
    private readonly ConcurrentDictionary<TimeSpan, int> _created = new();
    private int _asked;
    private int _timers;

    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Gets the number of timers that are not disposed.</summary>
    public int Timers => Volatile.Read(ref _timers);

    /// <summary>Returns the number of timers that were created with a due time. The node has others.</summary>
    public int TimersWith(TimeSpan dueTime) => _created.GetValueOrDefault(dueTime);

    public override DateTimeOffset GetUtcNow()
    {
        Interlocked.Increment(ref _asked);
        return base.GetUtcNow();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _timers);
        var timer = new CountedTimer(this, base.CreateTimer(callback, state, dueTime, period));
        _created.AddOrUpdate(dueTime, 1, (_, count) => count + 1);
        return timer;
    }

    private sealed class CountedTimer(CountingTime time, ITimer timer) : ITimer
    {
        private int _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

        public void Dispose()
        {
            timer.Dispose();
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                Interlocked.Decrement(ref time._timers);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
