using System.Security.Claims;
using Microsoft.Extensions.Logging;
using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Node.Shards;
using Presence.Node.Telemetry;
using Presence.Node.Trackers;
using Presence.Tracker;
using Presence.Tracker.Entries;

namespace Presence.Node.KeyWatching;

/// <summary>
/// The watches of keys of one tracker on this node: who wants to know when which key becomes present or absent in the
/// topics of a pattern.
/// </summary>
/// <remarks>
/// <para>Changes only say which keys to look at. Whether a key is present is then read from the index with the shards
/// locked, for all watches of the key together. So nothing is counted, a watch may begin at any time, and changes may
/// be dropped when too many wait: all watched keys are read instead.</para>
/// <para>Locks are taken in the order gate, shards, queue. Shards enqueue with only the last.</para>
/// </remarks>
internal sealed class KeyWatches(
    string tracker, ShardHost[] hosts, TrackerOptions options, PresenceLimits limits, TimeProvider time,
    NodeInstruments instruments, ILogger log) : IChangeSink, IThreadPoolWorkItem, IDisposable
{
    /// <summary>Minimum time between two groups of changes of a watch.</summary>
    public static readonly TimeSpan BatchInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Interval of the pulses of all watches.</summary>
    public static readonly TimeSpan PulseInterval = TimeSpan.FromSeconds(15);

    /// <summary>Maximum number of changes that wait; beyond it all watched keys are read.</summary>
    public const int MaxWaiting = 65_536;

    /// <summary>Maximum number of keys that are read while shards are locked: some hundred microseconds.</summary>
    private const int MaxRead = 1000;

    private readonly Lock _gate = new();
    private readonly KeyWatchSlots _slots = new();
    private readonly KeyTables _tables = new();
    private readonly PriorityQueue<KeyWatch, long> _scheduled = new();
    private readonly long _interval = (long)(BatchInterval.TotalSeconds * time.TimestampFrequency);
    private ITimer? _batchTimer;
    private ITimer? _pulseTimer;
    private long _armedFor = long.MaxValue;
    private int _watches;
    private int _edges;

    private readonly Lock _queueGate = new();
    private List<PresenceChange[]> _queue = [];
    private TaskCompletionSource? _idle;
    private int _waiting;
    private bool _mustReadAll;
    private bool _isRunning;

    /// <summary>Gets the number of watches. A field read.</summary>
    public int Watches => Volatile.Read(ref _watches);

    /// <summary>Gets the number of keys of all watches, forbidden ones included. A field read.</summary>
    public int Edges => Volatile.Read(ref _edges);

    /// <summary>Checks the keys and the pattern of a reader.</summary>
    /// <inheritdoc cref="KeyWatchRequest.Create" path="/exception"/>
    /// <exception cref="CountsOnlyTopicException">All topics of the pattern are counts-only.</exception>
    public KeyWatchRequest Check(IReadOnlyCollection<string> keys, string within)
    {
        var request = KeyWatchRequest.Create(keys, within, limits);
        return options.AreCountsOnly(request.Within) ? throw new CountsOnlyTopicException(within) : request;
    }

    /// <summary>Calls the authorizer for each key, and begins to watch. Dispose the result.</summary>
    /// <remarks>
    /// A key that is not allowed has an edge like any other, so that it costs what an absent key costs; its changes
    /// are not shown.
    /// </remarks>
    /// <exception cref="PresenceOverloadException">There are too many watches.</exception>
    public async ValueTask<KeyWatch> OpenAsync(
        KeyWatchRequest request, IPresenceAuthorizer? authorizer, ClaimsPrincipal? user,
        CancellationToken cancellation)
    {
        string[] keys;
        lock (_gate)
        {
            keys = request.Keys;
        }

        var forbidden = new bool[keys.Length];
        for (var i = 0; authorizer is not null && i < forbidden.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var access = new PresenceAccess(PresenceOperation.Read, request.Pattern, keys[i]) { User = user };
            forbidden[i] = !await authorizer.IsAllowedAsync(access).ConfigureAwait(false);
        }

        return Open(request, keys, forbidden);
    }

    /// <summary>Returns what a watch has to receive; otherwise what completes when there is more, or a pulse.</summary>
    public IReadOnlyList<KeyChange>? Take(KeyWatch watch, out Task<bool>? next)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(watch.Phase == KeyWatchPhase.Closed, watch);
            next = null;
            var isFirst = watch.IsFirst;
            if (isFirst || watch.Phase == KeyWatchPhase.Released)
            {
                watch.Phase = KeyWatchPhase.Idle;
                if (watch.Take() is { } changes)
                {
                    watch.NotBefore = isFirst ? 0 : time.GetTimestamp() + _interval;
                    return changes;
                }
            }

            next = watch.NextAsync();
            return null;
        }
    }

    public void Close(KeyWatch watch)
    {
        lock (_gate)
        {
            if (watch.Phase == KeyWatchPhase.Closed)
            {
                return;
            }

            watch.Phase = KeyWatchPhase.Closed;
            watch.Wake(hasChanges: true);
            watch.Request.OnEnded(watch);
            watch.Table.Remove(watch);
            _slots.Remove(watch);
            _edges -= watch.Edges.Length;
            if (watch.Table.Count == 0)
            {
                _tables.Remove(watch.Table);
            }

            if (--_watches == 0)
            {
                Stop();
            }
        }
    }

    public void Post(PresenceChange[] changes)
    {
        lock (_queueGate)
        {
            if (!_mustReadAll && _waiting + changes.Length > MaxWaiting)
            {
                if (_waiting > 0)
                {
                    instruments.Coalesced(SlowConsumerKind.Handler, $"{nameof(KeyWatches)} of {tracker}");
                }

                _queue = [];
                (_waiting, _mustReadAll) = (0, true);
            }

            if (!_mustReadAll)
            {
                _queue.Add(changes);
                _waiting += changes.Length;
            }

            if (_isRunning)
            {
                return;
            }

            _isRunning = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Completes when all watches have, or wait for the interval with, every change posted so far.</summary>
    public Task DeliveredAsync()
    {
        lock (_queueGate)
        {
            return !_isRunning
                ? Task.CompletedTask
                : (_idle ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _batchTimer?.Dispose();
            _pulseTimer?.Dispose();
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        List<PresenceChange[]> queue;
        bool mustReadAll, hasFailed = false;
        lock (_queueGate)
        {
            (queue, _queue, _waiting) = (_queue, [], 0);
            (mustReadAll, _mustReadAll) = (_mustReadAll, false);
        }

        try
        {
            lock (_gate)
            {
                Apply(queue, mustReadAll);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // An exception on a pool thread would end the process. The next change reads what was missed.
            hasFailed = true;
            if (instruments.HandlerFailed(out var count))
            {
                log.SubscriberFailed(count, LogText.Escape(e));
            }
        }

        lock (_queueGate)
        {
            if (hasFailed || (_queue.Count == 0 && !_mustReadAll))
            {
                _mustReadAll |= hasFailed;
                _isRunning = false;
                _idle?.SetResult();
                _idle = null;
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private KeyWatch Open(KeyWatchRequest request, string[] keys, bool[] forbidden)
    {
        lock (_gate)
        {
            var table = _tables.Find(request.Within);
            var isNew = table is null;
            table ??= new KeyTable(request.Within, _slots);
            var watch = new KeyWatch(this, table, request, forbidden);
            _slots.Add(watch);
            if (_watches++ == 0)
            {
                Start();
            }

            if (isNew)
            {
                _tables.Add(table);
            }

            _edges += watch.Edges.Length;
            ReadAgain(table, table.Add(watch, keys));
            request.OnBegun(watch);
            return watch;
        }
    }

    /// <summary>Receives changes from now on: before the first key is read.</summary>
    private void Start()
    {
        foreach (var host in hosts)
        {
            host.WithLock(() =>
            {
                host.Output.Add(this);
                return true;
            });
        }

        using var _ = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        _batchTimer = time.CreateTimer(
            static w => ((KeyWatches)w!).ReleaseDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _pulseTimer = time.CreateTimer(static w => ((KeyWatches)w!).Pulse(), this, PulseInterval, PulseInterval);
    }

    private void Stop()
    {
        foreach (var host in hosts)
        {
            host.Post(new ActionCommand((h, _, _) => h.Output.Remove(this)), always: true);
        }

        _scheduled.Clear();
        _armedFor = long.MaxValue;
        _batchTimer?.Dispose();
        _pulseTimer?.Dispose();
    }

    private void Apply(List<PresenceChange[]> queue, bool mustReadAll)
    {
        if (mustReadAll)
        {
            foreach (var table in _tables.All)
            {
                ReadAgain(table, [.. table.Keys]);
            }

            return;
        }

        List<KeyTable> matching = [];
        HashSet<KeyTable> dirty = [];
        string? topic = null;
        foreach (var change in queue.SelectMany(changes => changes).Where(change => change.ChangesKey))
        {
            if (!string.Equals(topic, change.Entry.Topic, StringComparison.Ordinal))
            {
                topic = change.Entry.Topic;
                matching.Clear();
                _tables.FindMatching(topic, matching);
            }

            foreach (var table in matching)
            {
                // If it is known already but no longer true, a later change in the queue says so.
                if (table.Differs(change.Entry.Key, change.IsFirst))
                {
                    table.Dirty.Add(change.Entry.Key);
                    dirty.Add(table);
                }
            }
        }

        foreach (var table in dirty)
        {
            ReadAgain(table, table.Dirty);
            table.Dirty.Clear();
        }
    }

    private void ReadAgain(KeyTable table, List<string> keys)
    {
        for (var at = 0; at < keys.Count; at += MaxRead)
        {
            var part = keys.GetRange(at, Math.Min(MaxRead, keys.Count - at));
            var present = Read(table.Within, part);
            for (var i = 0; i < present.Length; i++)
            {
                table.Set(part[i], present[i], Schedule);
            }
        }
    }

    /// <summary>Reads whether keys are present, of all shards at one moment.</summary>
    private bool[] Read(TopicPattern within, List<string> keys)
    {
        ShardHost[] read = within.IsPrefix ? hosts : [PresenceTracker.HostOf(hosts, within.Text)];
        var present = new bool[keys.Count];
        return ShardHost.WithLock(read, () =>
        {
            foreach (var host in read)
            {
                var index = host.Shard.Index;
                for (var i = 0; i < present.Length; i++)
                {
                    present[i] |= within.IsPrefix
                        ? index.HasPrefix(keys[i], within.Text)
                        : index.Has(keys[i], within.Text);
                }
            }

            return present;
        });
    }

    private void Schedule(KeyWatch watch)
    {
        if (watch.Phase != KeyWatchPhase.Idle)
        {
            return;
        }

        if (watch.NotBefore <= time.GetTimestamp())
        {
            Release(watch);
            return;
        }

        watch.Phase = KeyWatchPhase.Scheduled;
        _scheduled.Enqueue(watch, watch.NotBefore);
        Arm();
    }

    private static void Release(KeyWatch watch)
    {
        watch.Phase = KeyWatchPhase.Released;
        watch.Wake(hasChanges: true);
    }

    private void Arm()
    {
        if (_scheduled.TryPeek(out _, out var due) && due < _armedFor)
        {
            _armedFor = due;
            var wait = time.GetElapsedTime(time.GetTimestamp(), due);
            _batchTimer!.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void ReleaseDue()
    {
        lock (_gate)
        {
            _armedFor = long.MaxValue;
            var now = time.GetTimestamp();
            while (_scheduled.TryPeek(out var watch, out var due) && due <= now)
            {
                _scheduled.Dequeue();

                // Of a watch that was read or closed meanwhile, the entry is an old one.
                if (watch.Phase == KeyWatchPhase.Scheduled && watch.NotBefore == due)
                {
                    Release(watch);
                }
            }

            if (_watches > 0)
            {
                Arm();
            }
        }
    }

    private void Pulse()
    {
        lock (_gate)
        {
            foreach (var watch in _slots.All)
            {
                watch.Wake(hasChanges: false);
            }
        }
    }
}
