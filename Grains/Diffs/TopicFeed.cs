using System.Collections.Immutable;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// The changes of one topic that somebody follows on this silo: one subscription to the tracker, handed to
/// <see cref="IHandleDiffGrain"/> batch by batch and from there to the topic's observers and publisher.
/// </summary>
/// <remarks>
/// Gap-free and in order. While a batch is being handled, what arrives travels in the next one. It runs no task while nothing
/// changes. A full queue ends the feed and does not drop changes: the followers would be wrong without noticing.
/// </remarks>
internal sealed class TopicFeed
{
    private const int MaxChangesPerBatch = 1000;
    private const int SendsPerTask = 128;

    private readonly IPresenceNode _node;
    private readonly string _topic;
    private readonly string _silo;
    private readonly int _capacity;
    private readonly Func<TopicChanges, Task> _handle;
    private readonly Action<TopicFeed> _failed;
    private readonly Lock _gate = new();
    private readonly Queue<TopicDiff> _pending = new();
    private readonly TopicSubscription _subscription;
    private ImmutableArray<ObserverSubscription> _observers = [];
    private TopicPublisher? _publisher;
    private TopicView _view;
    private TopicView? _handling;
    private long _sequence;
    private int _pendingChanges;
    private bool _isPumping = true;
    private bool _hasEnded;

    /// <param name="node">The node.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="silo">Address of this silo.</param>
    /// <param name="capacity">Maximum number of changes that wait.</param>
    /// <param name="handle">Calls the topic's grain, which calls <see cref="Deliver"/>.</param>
    /// <param name="failed">Called at most once, from any thread: too many changes wait, or the grain failed.</param>
    public TopicFeed(
        IPresenceNode node,
        string topic,
        string silo,
        int capacity,
        Func<TopicChanges, Task> handle,
        Action<TopicFeed> failed)
    {
        (_node, _topic, _silo, _capacity, _handle, _failed) = (node, topic, silo, capacity, handle, failed);
        _subscription = node.Tracker.Subscribe(topic, OnDiff);
        _view = _subscription.View;
        StartPump();
    }

    public string Topic => _topic;

    /// <summary>Observers and publisher that it has.</summary>
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

    /// <summary>Returns the publisher; null if this silo does not publish the topic.</summary>
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

    /// <summary>Adds an observer, which gets exactly the changes after the returned view.</summary>
    public TopicView Attach(ObserverSubscription observer)
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

    /// <summary>Adds the publisher, which gets exactly the changes after the view that it is started with.</summary>
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

    /// <summary>Returns the view up to which every change has been delivered, as new as that is possible.</summary>
    public TopicView Refresh()
    {
        // The same snapshot: no change of the topic is on its way, so what is known now may count as delivered.
        var now = _node.Tracker.ViewOf(_topic);
        lock (_gate)
        {
            if (!_isPumping && _pending.Count == 0 && now.Snapshot.IsSame(_view.Snapshot))
            {
                _view = now;
            }

            return _view;
        }
    }

    /// <summary>Hands a batch to the followers. Called by the grain, one batch at a time.</summary>
    public void Deliver(TopicChanges changes)
    {
        ImmutableArray<ObserverSubscription> observers;
        TopicPublisher? publisher;
        TopicView view;
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

    /// <summary>Ends the subscription. The followers are not called any more.</summary>
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

    /// <summary>Returns the observers, to be cut off when the feed has failed.</summary>
    public ImmutableArray<ObserverSubscription> Observers()
    {
        lock (_gate)
        {
            return _observers;
        }
    }

    // The calls leave on the thread pool: the grain's turn must not wait for observers.
    private static void StartSending(List<ObserverSubscription> observers)
    {
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

    private void OnDiff(TopicDiff diff)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            if (_pendingChanges + diff.Changes.Count <= _capacity)
            {
                _pendingChanges += diff.Changes.Count;
                _pending.Enqueue(diff);
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

    private void StartPump()
    {
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(PumpAsync);
        }
    }

    private async Task PumpAsync()
    {
        try
        {
            while (Take() is { } changes)
            {
                await _handle(changes);
            }
        }
        catch (Exception)
        {
            Fail();
        }
    }

    private TopicChanges? Take()
    {
        lock (_gate)
        {
            if (_hasEnded || _pending.Count == 0)
            {
                _isPumping = false;
                return null;
            }

            var last = _pending.Dequeue();
            var changes = last.Changes;
            if (_pending.Count > 0 && changes.Count < MaxChangesPerBatch)
            {
                var together = new List<PresenceChange>(changes);
                while (_pending.TryPeek(out var more) && together.Count + more.Changes.Count <= MaxChangesPerBatch)
                {
                    together.AddRange(more.Changes);
                    last = _pending.Dequeue();
                }

                changes = together;
            }

            _pendingChanges -= changes.Count;
            _handling = last.View;
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
