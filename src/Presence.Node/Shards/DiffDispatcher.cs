using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;
using Presence.Tracker;

namespace Presence.Node.Shards;

/// <summary>Calls a shard's subscribers on the thread pool, in order, one at a time, with no lock held.</summary>
/// <remarks>
/// The shard only enqueues. A callback that blocks delays the notifications of its shard and nothing else. Diffs beyond
/// the capacity are coalesced per subscriber to their net effect, bounded by the number of presences.
/// </remarks>
internal sealed class DiffDispatcher(int capacity, NodeInstruments instruments, ILogger log) : IThreadPoolWorkItem
{
    private readonly Lock _gate = new();
    private readonly HashSet<DiffSubscriber> _lagging = [];
    private List<(DiffSubscriber[] To, TopicDiff Diff, Activity? Cause)> _queue = [];
    private TaskCompletionSource? _idle;
    private bool _isRunning;

    public void Publish(DiffSubscriber[] to, TopicDiff diff)
    {
        lock (_gate)
        {
            if (_lagging.Count == 0 && _queue.Count < capacity)
            {
                _queue.Add((to, diff, NodeActivities.Cause));
            }
            else
            {
                Coalesce(to, diff);
            }

            if (_isRunning)
            {
                return;
            }

            _isRunning = true;
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void Remove(DiffSubscriber subscriber)
    {
        subscriber.IsRemoved = true;
        lock (_gate)
        {
            _lagging.Remove(subscriber);
        }
    }

    public Task DeliveredAsync()
    {
        lock (_gate)
        {
            return !_isRunning
                ? Task.CompletedTask
                : (_idle ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        List<(DiffSubscriber[] To, TopicDiff Diff, Activity? Cause)> queue;
        List<(DiffSubscriber To, TopicDiff Diff)> lagging;
        lock (_gate)
        {
            (queue, _queue) = (_queue, []);
            lagging = [.. _lagging.Select(subscriber => (subscriber, subscriber.Net!.Drain()))];
            _lagging.Clear();
        }

        foreach (var (to, diff, cause) in queue)
        {
            using var span = NodeActivities.Start(NodeActivities.Deliver, cause);
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

    private void Coalesce(DiffSubscriber[] to, TopicDiff diff)
    {
        foreach (var subscriber in to)
        {
            if (!subscriber.IsRemoved)
            {
                if (_lagging.Add(subscriber))
                {
                    instruments.Coalesced(SlowConsumerKind.Subscriber, diff.Topic);
                }

                (subscriber.Net ??= new NetDiff()).Add(diff);
            }
        }
    }

    private void Call(DiffSubscriber subscriber, TopicDiff diff)
    {
        if (!subscriber.IsRemoved && diff.Changes.Count > 0)
        {
            subscriber.OnDiff.Call(diff, instruments, log);
        }
    }
}

internal sealed class DiffSubscriber(Action<TopicDiff> onDiff, bool isQueue = false)
{
    private volatile bool _isRemoved;

    public Action<TopicDiff> OnDiff => onDiff;

    /// <summary>Gets whether it only enqueues, and is therefore called by the shard itself.</summary>
    public bool IsQueue => isQueue;

    public bool IsRemoved
    {
        get => _isRemoved;
        set => _isRemoved = value;
    }

    /// <summary>Its coalesced diffs; used by the dispatcher only.</summary>
    public NetDiff? Net { get; set; }
}

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

    /// <summary>Returns the last diff with the net changes of all, which may be none.</summary>
    public TopicDiff Drain() => _last! with { Changes = _changes.Drain() };
}
