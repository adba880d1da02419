using Presence.Grains.Topics;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.Grains.Diffs;

/// <summary>Publishes one topic's changes on its stream, ordered by each owner's joins, after a reset.</summary>
/// <remarks>No task runs while nothing changes.</remarks>
internal sealed class TopicPublisher
{
    private const int MaxChangesPerEvent = 1000;

    /// <summary>Minimum time between an event that is not full and the next one.</summary>
    private static readonly TimeSpan BatchDelay = TimeSpan.FromMilliseconds(10);

    /// <summary>Interval of the checks for a filled gap, while a change is withheld.</summary>
    private static readonly TimeSpan GapCheckPeriod = TimeSpan.FromMilliseconds(20);

    private readonly string _topic;
    private readonly string _node;
    private readonly string _silo;
    private readonly Func<TopicChanges, Task> _publish;
    private readonly Func<TopicSnapshotView> _refresh;
    private readonly Func<string?, TopicSnapshotView, IReadOnlyList<PresenceChange>?> _missed;
    private readonly Func<VersionVector, KnownReplica[]> _knownOf;
    private readonly ContiguousPrefixTracker _prefixes;
    private readonly PagedLists _lists;
    private readonly PerOwnerOrderBuffer _buffer;
    private readonly int _capacity;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly Action _failed;
    private readonly Lock _gate = new();
    private readonly List<PresenceChange> _incoming = [];
    private int _firstIncoming;

    /// <summary>What the stream has published; its order may be another one than that of this node.</summary>
    private readonly PresenceSet _shown;
    private TopicSnapshotView? _view;
    private long _published;
    private bool _isRunning;
    private bool _hasEnded;

    /// <param name="topic">The topic.</param>
    /// <param name="node">Name of this node.</param>
    /// <param name="silo">Address of this silo.</param>
    /// <param name="term">See <see cref="TopicChanges.Term"/>.</param>
    /// <param name="publish">Publishes one event on the stream, one at a time.</param>
    /// <param name="refresh">See <see cref="TopicChangePump.Refresh"/>.</param>
    /// <param name="missed">See <see cref="TopicChangePump.Missed"/>.</param>
    /// <param name="knownOf">See <see cref="Topics.ReplicaClocks.Known"/>.</param>
    /// <param name="prefixes">Stores the skipped gaps.</param>
    /// <param name="lists">Stores the lists of resets that have more than one page.</param>
    /// <param name="options">The limits.</param>
    /// <param name="maxGap">Maximum time for which a change is withheld.</param>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Called at most once, from any thread: the stream failed or the queue is full.</param>
    public TopicPublisher(
        string topic,
        string node,
        string silo,
        long term,
        Func<TopicChanges, Task> publish,
        Func<TopicSnapshotView> refresh,
        Func<string?, TopicSnapshotView, IReadOnlyList<PresenceChange>?> missed,
        Func<VersionVector, KnownReplica[]> knownOf,
        ContiguousPrefixTracker prefixes,
        PagedLists lists,
        PresenceOrleansOptions options,
        TimeSpan maxGap,
        TimeProvider time,
        Action failed)
    {
        (_topic, _node, _silo, Term, _publish) = (topic, node, silo, term, publish);
        (_refresh, _missed, _knownOf) = (refresh, missed, knownOf);
        (_prefixes, _lists, _capacity, _timeout) = (
            prefixes, lists, options.ObserverQueueCapacity, options.ObserverTimeout);
        (_time, _failed) = (time, failed);
        _shown = new PresenceSet(topic);
        _buffer = new PerOwnerOrderBuffer(topic, prefixes, time, maxGap, options.ObserverQueueCapacity);
    }

    public long Term { get; }

    /// <summary>Called after <see cref="Published"/> has changed.</summary>
    public Action Advanced { get; init; } = static () => { };

    /// <summary>Gets the sequence of the last published event.</summary>
    public long Published => Volatile.Read(ref _published);

    /// <summary>Publishes a reset with the view. Presences behind a gap follow later.</summary>
    public void Start(TopicSnapshotView view)
    {
        var reset = Reset(1, view);
        lock (_gate)
        {
            _view = view;
            var prefix = _prefixes.Of(_topic, _knownOf(view.Known));
            _shown.Apply([.. view.Snapshot.Where(prefix.Covers).Select(e => PresenceChange.Joined(e))]);
            _incoming.AddRange(
                view.Snapshot.Where(e => !prefix.Covers(e)).Select(e => PresenceChange.Joined(e)));
            _firstIncoming = _incoming.Count;
            _isRunning = true;
        }

        Run(reset);
    }

    /// <summary>Returns a reset for one subscriber, which the stream's later events continue.</summary>
    /// <param name="cursor">What the subscriber has; null if nothing.</param>
    public TopicChanges Reset(string? cursor = null)
    {
        // The order matters: an event published in between repeats what the reset contains, which is harmless.
        var published = Published;
        return Reset(published, _refresh(), cursor);
    }

    /// <summary>Adds changes, and the view after them.</summary>
    public void Post(IReadOnlyList<PresenceChange> changes, TopicSnapshotView view)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            // The first diff has any size: a lost node may have had very many presences.
            var behind = _incoming.Count - _firstIncoming;
            if (behind == 0 || behind + changes.Count <= _capacity)
            {
                _firstIncoming = _incoming.Count == 0 ? changes.Count : _firstIncoming;
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

    private TopicChanges Reset(long sequence, TopicSnapshotView view, string? cursor = null)
    {
        var known = _knownOf(view.Known);
        var prefix = _prefixes.Of(_topic, known);
        if (_missed(cursor, view) is { } missed && view.Snapshot.All(prefix.Covers))
        {
            return new TopicChanges(
                _topic, _node, sequence, IsReset: true, missed, _silo, Term, known, SinceCursor: true);
        }

        var (first, rest) = _lists.Begin(view.Snapshot, prefix.Covers);
        return new TopicChanges(
            _topic,
            _node,
            sequence,
            IsReset: true,
            [.. PresenceChange.JoinedAll(first)],
            _silo,
            Term,
            known,
            rest);
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

            while (DequeueIncoming() is { } view)
            {
                var changes = _buffer.Release(_knownOf(view.Known), MaxChangesPerEvent);
                if (changes.Count == 0)
                {
                    await Task.Delay(GapCheckPeriod, _time);
                    Recheck();
                    continue;
                }

                _shown.ApplyAndMark(changes);
                await PublishAsync(
                    new TopicChanges(_topic, _node, Published + 1, IsReset: false, changes, _silo, Term));
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
        Advanced();
    }

    private TopicSnapshotView? DequeueIncoming()
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
            _firstIncoming = 0;
            return _view;
        }
    }

    /// <summary>Updates the view. All changes up to it have been posted when it is returned.</summary>
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
