using System.Collections.Immutable;
using System.Diagnostics;
using Presence.Node;
using Presence.Node.Telemetry;
using Presence.Tracker;
using Presence.Tracker.Cursors;
using Presence.Tracker.Shard;

namespace Presence.Grains.Diffs;

/// <summary>
/// Passes the changes of one topic from its shard to <see cref="IHandleDiffGrain"/>, batch by batch, and from there to
/// the topic's observers on this silo and its publisher.
/// </summary>
/// <remarks>
/// Gap-free and in order. Changes that arrive while a batch is handled form the next one. No task runs while nothing
/// changes. A full queue ends the pump instead of dropping changes, which followers could not detect.
/// </remarks>
internal sealed class TopicChangePump : IThreadPoolWorkItem
{
    private const int MaxChangesPerBatch = 1000;
    private const int SendsPerTask = 128;

    private readonly IPresenceNode _node;
    private readonly string _topic;
    private readonly string _silo;
    private readonly int _capacity;
    private readonly IHandleDiffGrain _grain;
    private readonly Action<TopicChangePump> _failed;
    private readonly Lock _gate = new();
    private readonly Queue<(TopicDiff Diff, Activity? Cause)> _pending = new();
    private readonly TopicSubscription _subscription;
    private ImmutableArray<ObserverSubscription> _observers = [];
    private TopicPublisher? _publisher;
    private TopicSnapshotView _view;
    private TopicSnapshotView? _handling;
    private long _sequence;
    private int _pendingChanges;
    private bool _isPumping = true;
    private bool _hasEnded;

    /// <param name="node">The node.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="silo">Address of this silo.</param>
    /// <param name="capacity">Maximum number of changes that wait behind the next diff, which has any size.</param>
    /// <param name="grain">The topic's grain on this silo, which calls <see cref="Deliver"/>.</param>
    /// <param name="failed">Called at most once, from any thread, when the queue is full or the grain failed.</param>
    public TopicChangePump(
        IPresenceNode node,
        string topic,
        string silo,
        int capacity,
        IHandleDiffGrain grain,
        Action<TopicChangePump> failed)
    {
        (_node, _topic, _silo, _capacity, _grain, _failed) = (node, topic, silo, capacity, grain, failed);
        _subscription = node.Tracker.Follow(topic, OnDiff);
        _view = _subscription.View with { Version = _subscription.Version };
        StartPump();
    }

    public string Topic => _topic;

    /// <summary>Gets the number of observers, plus one if there is a publisher.</summary>
    public int Followers
    {
        get
        {
            lock (_gate)
            {
                return _observers.Length + (_publisher is null ? 0 : 1);
            }
        }
    }

    /// <summary>Gets the publisher; null if this silo does not publish the topic.</summary>
    public TopicPublisher? Publisher
    {
        get
        {
            lock (_gate)
            {
                return _publisher;
            }
        }
    }

    /// <summary>Adds an observer, which receives exactly the changes after the returned view.</summary>
    public TopicSnapshotView Attach(ObserverSubscription observer)
    {
        Refresh();
        lock (_gate)
        {
            _observers = _observers.Add(observer);
            return _view;
        }
    }

    public void Detach(ObserverSubscription observer)
    {
        lock (_gate)
        {
            _observers = _observers.Remove(observer);
        }
    }

    /// <summary>Adds the publisher, which receives exactly the changes after the view it is started with.</summary>
    public void Attach(TopicPublisher publisher)
    {
        Refresh();
        lock (_gate)
        {
            _publisher = publisher;
            publisher.Start(_view);
        }
    }

    public void DetachPublisher()
    {
        TopicPublisher? publisher;
        lock (_gate)
        {
            (publisher, _publisher) = (_publisher, null);
        }

        publisher?.End();
    }

    /// <summary>Returns the latest view up to which every change has been delivered.</summary>
    public TopicSnapshotView Refresh()
    {
        // With the same snapshot no change is in flight, so the newer clocks also count as delivered.
        var now = _node.Tracker.ViewOf(_topic);
        lock (_gate)
        {
            if (!_isPumping && _pending.Count == 0 && now.Snapshot.IsSame(_view.Snapshot))
            {
                _view = now with { Version = _view.Version };
            }

            return _view;
        }
    }

    /// <summary>
    /// Returns what the holder of a cursor has missed up to a view of this pump; null if it needs the list.
    /// </summary>
    public IReadOnlyList<PresenceChange>? Missed(string? cursor, TopicSnapshotView view)
    {
        if (cursor is null || !TopicCursor.TryParse(cursor, out var has))
        {
            return null;
        }

        var missed = _subscription.Missed(has, TopicDigest.Of(_topic, view.Snapshot), view.Version);
        return missed?.Count <= view.Snapshot.Count ? missed : null;
    }

    /// <summary>Delivers a batch to the followers. The grain calls this with one batch at a time.</summary>
    public void Deliver(TopicChanges changes)
    {
        ImmutableArray<ObserverSubscription> observers;
        TopicPublisher? publisher;
        TopicSnapshotView view;
        lock (_gate)
        {
            if (_handling is null)
            {
                return;
            }

            (_view, _handling) = (_handling, null);
            (observers, publisher, view) = (_observers, _publisher, _view);
        }

        publisher?.Post(changes.Changes, view);
        List<ObserverSubscription>? starting = null;
        foreach (var observer in observers)
        {
            if (observer.Post(changes))
            {
                (starting ??= new(observers.Length)).Add(observer);
            }
        }

        if (starting is not null)
        {
            StartSending(starting);
        }
    }

    /// <summary>Ends the subscription. Followers are not called any more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            _pending.Clear();
        }

        _subscription.Dispose();
        DetachPublisher();
    }

    /// <summary>Returns the observers, which are cut off when the pump has failed.</summary>
    public ImmutableArray<ObserverSubscription> Observers()
    {
        lock (_gate)
        {
            return _observers;
        }
    }

    // Observers are called on the thread pool, so that the grain's turn does not wait for them.
    private static void StartSending(List<ObserverSubscription> observers)
    {
        if (observers is [var only])
        {
            only.StartSending();
            return;
        }

        using (ExecutionContext.SuppressFlow())
        {
            for (var from = 0; from < observers.Count; from += SendsPerTask)
            {
                var part = observers.GetRange(from, Math.Min(SendsPerTask, observers.Count - from));
                _ = Task.Run(() =>
                {
                    foreach (var observer in part)
                    {
                        _ = observer.SendAsync();
                    }
                });
            }
        }
    }

    // Called with the shard locked.
    private void OnDiff(TopicDiff diff)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            var behind = _pending.TryPeek(out var first) ? _pendingChanges - first.Diff.Changes.Count : 0;
            if (_pending.Count <= 1 || behind + diff.Changes.Count <= _capacity)
            {
                _pendingChanges += diff.Changes.Count;
                _pending.Enqueue((diff, NodeActivities.Cause));
                if (!_isPumping)
                {
                    _isPumping = true;
                    StartPump();
                }

                return;
            }
        }

        Fail();
    }

    private void StartPump() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    void IThreadPoolWorkItem.Execute() => _ = PumpAsync();

    private async Task PumpAsync()
    {
        try
        {
            while (Dequeue(out var cause) is { } changes)
            {
                using var span = NodeActivities.Start(NodeActivities.Deliver, cause);
                await _grain.HandleDiff(changes);
            }
        }
        catch (Exception)
        {
            Fail();
        }
    }

    private TopicChanges? Dequeue(out Activity? cause)
    {
        lock (_gate)
        {
            if (_hasEnded || _pending.Count == 0)
            {
                _isPumping = false;
                cause = null;
                return null;
            }

            (var last, cause) = _pending.Dequeue();
            var changes = last.Changes;
            if (_pending.Count > 0 && changes.Count < MaxChangesPerBatch)
            {
                var merged = new List<PresenceChange>(changes);
                while (_pending.TryPeek(out var more) && merged.Count + more.Diff.Changes.Count <= MaxChangesPerBatch)
                {
                    merged.AddRange(more.Diff.Changes);
                    last = _pending.Dequeue().Diff;
                }

                changes = merged;
            }

            _pendingChanges -= changes.Count;
            _handling = last.View! with { Version = last.Version };
            return new TopicChanges(_topic, _node.Name, ++_sequence, IsReset: false, changes, _silo);
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
            _pending.Clear();
        }

        _failed(this);
    }
}
