using Presence.Tracker;

namespace Presence.Node.Feeds;

/// <summary>The feeds of this process: one per topic or view with readers, kept for a while after the last.</summary>
internal sealed class ChangeFeeds : IDisposable
{
    /// <summary>Interval of the pulses of all feeds.</summary>
    public static readonly TimeSpan PulseInterval = TimeSpan.FromSeconds(15);

    /// <summary>Minimum time for which a feed without readers is kept, so that they can resume.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(30);

    /// <summary>Minimum time between two diffs of a feed.</summary>
    public static readonly TimeSpan DiffInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Maximum number of feeds without readers; beyond it they end with their last reader.</summary>
    public const int MaxIdle = 1000;

    private readonly IPresenceSource _source;
    private readonly TimeProvider _time;
    private readonly FeedInstruments _instruments;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Topic, PresenceView? View), Slot> _slots = [];
    private readonly ITimer _timer;
    private int _idle;

    public ChangeFeeds(IPresenceSource source, TimeProvider time, FeedInstruments instruments)
    {
        (_source, _time, _instruments) = (source, time, instruments);
        using (ExecutionContext.SuppressFlow())
        {
            _timer = time.CreateTimer(static f => ((ChangeFeeds)f!).Tick(), this, PulseInterval, PulseInterval);
        }
    }

    /// <summary>Gets the number of feeds, with readers or without.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _slots.Count;
            }
        }
    }

    /// <summary>
    /// Subscribes to the topic if nobody has, and returns a reader of its feed. Read it to its end or dispose it.
    /// </summary>
    /// <exception cref="PresenceViewException">The view cannot be used for the topic.</exception>
    public async Task<FeedReading> OpenAsync(
        string topic, PresenceView? view, FeedCursor? cursor, CancellationToken cancellation)
    {
        view?.Check();
        var key = (topic, view is { IsWhole: false } ? view : null);
        Slot slot;
        lock (_gate)
        {
            if (_slots.TryGetValue(key, out slot!))
            {
                _idle -= slot.Readers == 0 ? 1 : 0;
            }
            else
            {
                var adaptive = key.Item2 is null ? _source.AdaptiveOf(topic) : null;
                slot = new Slot(key, new ChangeFeed(topic, DiffInterval, _time, _instruments, adaptive));
                _slots.Add(key, slot);
                _instruments.FeedAdded();
            }

            slot.Readers++;
            slot.Started ??= StartAsync(slot);
        }

        try
        {
            await slot.Started.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            Leave(slot);
            throw;
        }

        _instruments.ReaderAdded();
        return new FeedReading(this, slot, cursor);
    }

    public void Dispose()
    {
        _timer.Dispose();
        List<Slot> all;
        lock (_gate)
        {
            all = [.. _slots.Values];
            _slots.Clear();
        }

        all.ForEach(Close);
    }

    private Task StartAsync(Slot slot)
    {
        // The subscription is shared: it must not carry the context of the first reader.
        using var _ = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        return Task.Run(async () =>
        {
            var (topic, view) = slot.Key;
            var subscription = await _source.SubscribeAsync(topic, view, slot.Feed.OnChanges).ConfigureAwait(false);
            slot.Subscription = subscription.Ending;
            slot.Feed.Start(subscription.Snapshot, subscription.Version, subscription.Missed);
        });
    }

    private void Leave(Slot slot)
    {
        lock (_gate)
        {
            if (--slot.Readers > 0)
            {
                return;
            }

            slot.IdleSince = _time.GetTimestamp();
            if (slot.Started!.IsCompletedSuccessfully && _idle < MaxIdle)
            {
                _idle++;
                return;
            }

            _slots.Remove(slot.Key);
        }

        Close(slot);
    }

    private void Tick()
    {
        List<Slot> ended = [], live = [];
        lock (_gate)
        {
            foreach (var slot in _slots.Values)
            {
                var isOver = slot.Readers == 0 && _time.GetElapsedTime(slot.IdleSince) >= Linger;
                (isOver ? ended : live).Add(slot);
            }

            ended.ForEach(slot => _slots.Remove(slot.Key));
            _idle -= ended.Count;
        }

        ended.ForEach(Close);
        live.ForEach(slot => slot.Feed.Pulse());
    }

    private void Close(Slot slot)
    {
        _instruments.FeedRemoved();
        slot.Feed.Stop();
        _ = slot.Started!.ContinueWith(
            _ => slot.Subscription?.DisposeAsync().AsTask() ?? Task.CompletedTask,
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
    }

    /// <summary>A feed and its number of readers.</summary>
    internal sealed class Slot((string Topic, PresenceView? View) key, ChangeFeed feed)
    {
        public (string Topic, PresenceView? View) Key => key;

        public ChangeFeed Feed => feed;

        public int Readers { get; set; }

        public long IdleSince { get; set; }

        public Task? Started { get; set; }

        public IAsyncDisposable? Subscription { get; set; }
    }

    /// <summary>A reader of a feed, which is kept for at least as long as the reader.</summary>
    internal sealed class FeedReading(ChangeFeeds feeds, Slot slot, FeedCursor? cursor) : FeedReader(slot.Feed, cursor)
    {
        protected override void OnDisposed()
        {
            feeds._instruments.ReaderRemoved();
            feeds.Leave(slot);
        }
    }
}
