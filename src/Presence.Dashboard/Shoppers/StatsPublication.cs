namespace Presence.Dashboard;

/// <summary>A topic that is told after a change, at once if it was quiet, and not again within its window.</summary>
/// <param name="topic">The topic.</param>
/// <param name="window">Least time between two messages.</param>
/// <param name="time">The clock.</param>
internal sealed class StatsPublication(string topic, TimeSpan window, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private ITimer? _timer;
    private Action _tell = static () => { };
    private long? _told;
    private bool _scheduled;
    private int _watchers;

    public string Topic => topic;

    public TimeSpan Window => window;

    /// <summary>Somebody wants the messages.</summary>
    public void Watch() => Interlocked.Increment(ref _watchers);

    /// <summary>Somebody does no longer.</summary>
    public void Unwatch() => Interlocked.Decrement(ref _watchers);

    public void Start(Action tell)
    {
        _tell = tell;
        _timer = time.CreateTimer(static self => ((StatsPublication)self!).Tell(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something has changed. Never waits, never calls out.</summary>
    public void Due()
    {
        if (Volatile.Read(ref _watchers) == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_scheduled)
            {
                return;
            }

            _scheduled = true;
            var wait = _told is { } last ? window - time.GetElapsedTime(last) : TimeSpan.Zero;
            _timer?.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Tell()
    {
        lock (_gate)
        {
            // From here on a change asks for a message of its own.
            _scheduled = false;
            _told = time.GetTimestamp();
        }

        _tell();
    }
}
