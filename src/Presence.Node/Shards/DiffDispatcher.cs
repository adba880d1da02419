using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Calls the subscribers of one shard's topics, one call at a time and in order, on the thread pool and with no lock held.</summary>
/// <remarks>
/// To the shard, publishing costs a place in a queue. A callback that blocks holds up the notifications of its shard and nothing else.
/// Beyond the capacity, what comes later is condensed to its net effect for each subscriber, which is bounded by the presences concerned.
/// </remarks>
internal sealed class DiffDispatcher(int capacity, NodeInstruments instruments, ILogger log) : IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private readonly HashSet<DiffSubscriber> _lagging = [];
    private List<(DiffSubscriber[] To, TopicDiff Diff)> _queue = [];
    private TaskCompletionSource? _idle;
    private bool _isRunning;

    /// <summary>Adds a diff, in order with all added before.</summary>
    public void Publish(DiffSubscriber[] to, TopicDiff diff)
    {
        lock (_gate)
        {
            if (_lagging.Count == 0 && _queue.Count < capacity)
            {
                _queue.Add((to, diff));
            }
            else
            {
                Condense(to, diff);
            }

            if (_isRunning)
            {
                return;
            }

            _isRunning = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Ends the calls of a subscriber: no further one begins.</summary>
    public void Remove(DiffSubscriber subscriber)
    {
        subscriber.IsOver = true;
        lock (_gate)
        {
            _lagging.Remove(subscriber);
        }
    }

    /// <summary>Completes when everything published before was delivered.</summary>
    public Task DeliveredAsync()
    {
        lock (_gate)
        {
            return !_isRunning
                ? Task.CompletedTask
                : (_idle ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    /// <summary>Delivers what waits now; the rest is another work item, so that others get their turn on the thread.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        List<(DiffSubscriber[] To, TopicDiff Diff)> queue;
        List<(DiffSubscriber To, TopicDiff Diff)> lagging;
        lock (_gate)
        {
            (queue, _queue) = (_queue, []);
            lagging = [.. _lagging.Select(subscriber => (subscriber, subscriber.Net!.Drain()))];
            _lagging.Clear();
        }

        foreach (var (to, diff) in queue)
        {
            foreach (var subscriber in to)
            {
                Call(subscriber, diff);
            }
        }

        foreach (var (subscriber, diff) in lagging)
        {
            Call(subscriber, diff);
        }

        lock (_gate)
        {
            if (_queue.Count == 0 && _lagging.Count == 0)
            {
                _isRunning = false;
                _idle?.SetResult();
                _idle = null;
                return;
            }
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void Condense(DiffSubscriber[] to, TopicDiff diff)
    {
        foreach (var subscriber in to)
        {
            if (!subscriber.IsOver)
            {
                if (_lagging.Add(subscriber))
                {
                    instruments.Condensed();
                }

                (subscriber.Net ??= new NetDiff()).Add(diff);
            }
        }
    }

    private void Call(DiffSubscriber subscriber, TopicDiff diff)
    {
        if (!subscriber.IsOver && diff.Changes.Count > 0)
        {
            subscriber.OnDiff.Call(diff, instruments, log);
        }
    }
}

/// <summary>Who is called with the diffs of a topic.</summary>
internal sealed class DiffSubscriber(Action<TopicDiff> onDiff)
{
    private volatile bool _isOver;

    public Action<TopicDiff> OnDiff => onDiff;

    public bool IsOver
    {
        get => _isOver;
        set => _isOver = value;
    }

    /// <summary>What waits for it in condensed form. For the dispatcher.</summary>
    public NetDiff? Net { get; set; }
}

/// <summary>The net effect of several diffs of one topic.</summary>
internal sealed class NetDiff
{
    private readonly DiffCoalescer _changes = new();
    private TopicDiff? _last;

    public void Add(TopicDiff diff)
    {
        _last = diff;
        foreach (var change in diff.Changes)
        {
            _changes.Add(change);
        }
    }

    /// <summary>Returns the position of the last diff with the net changes of all; without any if they cancel each other out.</summary>
    public TopicDiff Drain() => _last! with { Changes = _changes.Drain() };
}
