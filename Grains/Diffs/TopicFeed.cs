using System.Threading.Channels;
using Presence.Grains.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>How a feed tells its changes, and what becomes of it when it cannot.</summary>
/// <param name="Tell">Tells one batch; the next waits for it.</param>
/// <param name="Failed">Called at most once, from any thread: a batch failed or took too long, or too many waited.</param>
/// <param name="Backlog">Changes that may wait.</param>
/// <param name="Timeout">How long one batch may take.</param>
internal sealed record FeedTarget(Func<TopicChanges, Task> Tell, Action Failed, int Backlog, TimeSpan Timeout);

/// <summary>The changes of one topic from a snapshot on, gap-free and in order, to one listener.</summary>
/// <remarks>
/// A full queue ends the feed and does not drop changes: what the listener knows would be wrong without its noticing.
/// While a batch is under way what arrives gathers and travels in the next one.
/// </remarks>
internal sealed class TopicFeed : IDisposable
{
    private const int MostChangesInABatch = 1000;

    private readonly IPresenceNode _node;
    private readonly string _topic;
    private readonly FeedTarget _target;
    private readonly TimeProvider _time;
    private readonly Channel<PresenceChange> _queue;
    private TopicSubscription? _subscription;
    private int _over;

    public TopicFeed(IPresenceNode node, string topic, FeedTarget target, TimeProvider time)
    {
        _node = node;
        _topic = topic;
        _target = target;
        _time = time;
        _queue = Channel.CreateBounded<PresenceChange>(new BoundedChannelOptions(target.Backlog) { SingleReader = true });
    }

    public bool IsOver => Volatile.Read(ref _over) != 0;

    /// <param name="tellSnapshot">Whether the first batch is a reset that holds the snapshot.</param>
    public TopicSnapshot Start(bool tellSnapshot)
    {
        _subscription = _node.Tracker.Subscribe(_topic, Enqueue);
        if (IsOver)
        {
            _subscription.Dispose();
        }

        var reset = tellSnapshot ? _subscription.Snapshot.ToJoins() : null;
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => TellAsync(reset));
        }

        return _subscription.Snapshot;
    }

    public void Dispose()
    {
        Volatile.Write(ref _over, 1);
        _subscription?.Dispose();
        _queue.Writer.TryComplete();
    }

    // Runs inside the shard: hand over, nothing else.
    private void Enqueue(TopicDiff diff)
    {
        foreach (var change in diff.Changes)
        {
            if (!_queue.Writer.TryWrite(change))
            {
                Fail();
                return;
            }
        }
    }

    private async Task TellAsync(PresenceChangeRecord[]? reset)
    {
        var sequence = 0L;
        try
        {
            if (reset is not null)
            {
                await TellAsync(new TopicChanges(_topic, _node.Name, ++sequence, IsReset: true, reset));
            }

            while (await _queue.Reader.WaitToReadAsync() && !IsOver)
            {
                await TellAsync(new TopicChanges(_topic, _node.Name, ++sequence, IsReset: false, TakeBatch()));
            }
        }
        catch (Exception)
        {
            // Gone, too slow or broken; the target decides what that means.
            Fail();
        }
    }

    private Task TellAsync(TopicChanges changes) => _target.Tell(changes).WaitAsync(_target.Timeout, _time);

    private List<PresenceChangeRecord> TakeBatch()
    {
        var changes = new List<PresenceChangeRecord>();
        while (changes.Count < MostChangesInABatch && _queue.Reader.TryRead(out var change))
        {
            changes.Add(change.ToRecord());
        }

        return changes;
    }

    private void Fail()
    {
        if (Interlocked.Exchange(ref _over, 1) == 0)
        {
            _queue.Writer.TryComplete();
            _target.Failed();
        }
    }
}
