namespace Presence.Samples.Shop;

/// <summary>Publishes to a topic after changes: the first at once, later ones when the interval has passed.</summary>
/// <param name="topic">The topic.</param>
/// <param name="interval">Minimum time between two messages.</param>
/// <param name="time">The clock.</param>
internal sealed class ThrottledPublisher(string topic, TimeSpan interval, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private ITimer? _timer;
    private Action _publish = static () => { };
    private long? _published;
    private bool _scheduled;
    private int _subscribers;

    public string Topic => topic;

    public TimeSpan Interval => interval;

    /// <summary>Adds a subscriber. Without subscribers nothing is published.</summary>
    public void AddSubscriber() => Interlocked.Increment(ref _subscribers);

    public void RemoveSubscriber() => Interlocked.Decrement(ref _subscribers);

    public void Start(Action publish)
    {
        _publish = publish;
        _timer = time.CreateTimer(
            static self => ((ThrottledPublisher)self!).Publish(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
    }

    /// <summary>Requests a message. Neither waits nor calls the publisher.</summary>
    public void RequestSend()
    {
        if (Volatile.Read(ref _subscribers) == 0)
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
            var wait = _published is { } last ? interval - time.GetElapsedTime(last) : TimeSpan.Zero;
            _timer?.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Publish()
    {
        lock (_gate)
        {
            // From here on a change requests another message.
            _scheduled = false;
            _published = time.GetTimestamp();
        }

        _publish();
    }
}
