using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>Publishes the changes of one topic on its stream, in the order of each owner's joins, beginning with a reset.</summary>
/// <remarks>It runs no task while nothing changes.</remarks>
internal sealed class TopicPublisher
{
    private const int MaxChangesPerEvent = 1000;

    /// <summary>After an event, the next one follows after this long at the earliest, unless it is full.</summary>
    private static readonly TimeSpan BatchDelay = TimeSpan.FromMilliseconds(10);

    /// <summary>How often it checks whether a gap was filled, while a change waits for that.</summary>
    private static readonly TimeSpan GapCheckPeriod = TimeSpan.FromMilliseconds(20);

    private readonly string _topic;
    private readonly string _node;
    private readonly string _silo;
    private readonly Func<TopicChanges, Task> _publish;
    private readonly Func<TopicView> _refresh;
    private readonly Func<VersionVector, KnownReplica[]> _knownOf;
    private readonly ContiguousPrefixTracker _prefixes;
    private readonly PerOwnerOrderBuffer _buffer;
    private readonly int _capacity;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly Action _failed;
    private readonly Lock _gate = new();
    private readonly List<PresenceChange> _incoming = [];
    private TopicView? _view;
    private long _published;
    private bool _isRunning;
    private bool _hasEnded;

    /// <param name="topic">The topic.</param>
    /// <param name="node">Name of this node.</param>
    /// <param name="silo">Address of this silo.</param>
    /// <param name="term">See <see cref="TopicChanges.Term"/>.</param>
    /// <param name="publish">Puts one event on the stream; the next waits for it.</param>
    /// <param name="refresh">See <see cref="TopicFeed.Refresh"/>.</param>
    /// <param name="knownOf">See <see cref="Topics.ReplicaClocks.Known"/>.</param>
    /// <param name="prefixes">Keeps the gaps that are skipped.</param>
    /// <param name="options">Bounds.</param>
    /// <param name="maxGap">How long a change waits for a gap.</param>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Called at most once, from any thread: the stream failed, or too many changes wait for it.</param>
    public TopicPublisher(
        string topic,
        string node,
        string silo,
        long term,
        Func<TopicChanges, Task> publish,
        Func<TopicView> refresh,
        Func<VersionVector, KnownReplica[]> knownOf,
        ContiguousPrefixTracker prefixes,
        PresenceOrleansOptions options,
        TimeSpan maxGap,
        TimeProvider time,
        Action failed)
    {
        (_topic, _node, _silo, Term, _publish) = (topic, node, silo, term, publish);
        (_refresh, _knownOf) = (refresh, knownOf);
        (_prefixes, _capacity, _timeout) = (prefixes, options.ObserverBacklog, options.ObserverTimeout);
        (_time, _failed) = (time, failed);
        _buffer = new PerOwnerOrderBuffer(topic, prefixes, time, maxGap, options.ObserverBacklog);
    }

    public long Term { get; }

    /// <summary>Sequence of the last event that the stream has taken.</summary>
    public long Published => Volatile.Read(ref _published);

    /// <summary>Publishes a reset with the view; what lies behind a gap follows later.</summary>
    public void Start(TopicView view)
    {
        var reset = Reset(1, view);
        lock (_gate)
        {
            _view = view;
            var prefix = _prefixes.Of(_topic, _knownOf(view.Known));
            _incoming.AddRange(view.Snapshot.Where(e => !prefix.Covers(e)).Select(PresenceChange.Joined));
            _isRunning = true;
        }

        Run(reset);
    }

    /// <summary>Returns everybody who is present, as a reset for one subscriber; the stream's events continue it.</summary>
    public TopicChanges Reset()
    {
        // In this order: an event that is published meanwhile repeats what the reset holds, which does no harm.
        var published = Published;
        return Reset(published, _refresh());
    }

    /// <summary>Adds changes, and the topic as it was after them.</summary>
    public void Post(IReadOnlyList<PresenceChange> changes, TopicView view)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            if (_incoming.Count + changes.Count <= _capacity)
            {
                _incoming.AddRange(changes);
                _view = view;
                if (!_isRunning)
                {
                    _isRunning = true;
                    Run(null);
                }

                return;
            }
        }

        Fail();
    }

    public void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            _incoming.Clear();
        }
    }

    private TopicChanges Reset(long sequence, TopicView view)
    {
        var known = _knownOf(view.Known);
        var prefix = _prefixes.Of(_topic, known);
        return new TopicChanges(
            _topic,
            _node,
            sequence,
            IsReset: true,
            view.Snapshot.Where(prefix.Covers).Select(PresenceChange.Joined).ToArray(),
            _silo,
            Term,
            known);
    }

    private void Run(TopicChanges? reset)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => RunAsync(reset));
        }
    }

    private async Task RunAsync(TopicChanges? reset)
    {
        try
        {
            if (reset is not null)
            {
                await PublishAsync(reset);
            }

            while (TakeIncoming() is { } view)
            {
                var changes = _buffer.Take(_knownOf(view.Known), MaxChangesPerEvent);
                if (changes.Count == 0)
                {
                    await Task.Delay(GapCheckPeriod, _time);
                    Recheck();
                    continue;
                }

                await PublishAsync(new TopicChanges(_topic, _node, Published + 1, IsReset: false, changes, _silo, Term));
                if (!_buffer.WasFull)
                {
                    await Task.Delay(BatchDelay, _time);
                }
            }
        }
        catch (Exception)
        {
            Fail();
        }
    }

    private void Fail()
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            _hasEnded = true;
            _incoming.Clear();
        }

        _failed();
    }

    private async Task PublishAsync(TopicChanges changes)
    {
        await _publish(changes).WaitAsync(_timeout, _time);
        Volatile.Write(ref _published, changes.Sequence);
    }

    private TopicView? TakeIncoming()
    {
        lock (_gate)
        {
            if (_hasEnded || (_incoming.Count == 0 && _buffer.IsEmpty))
            {
                _isRunning = false;
                return null;
            }

            foreach (var change in _incoming)
            {
                _buffer.Add(change);
            }

            _incoming.Clear();
            return _view;
        }
    }

    /// <summary>Learns what is known by now. The changes up to it have been posted by the time the view is returned.</summary>
    private void Recheck()
    {
        var view = _refresh();
        lock (_gate)
        {
            if (_incoming.Count == 0)
            {
                _view = view;
            }
        }
    }
}
