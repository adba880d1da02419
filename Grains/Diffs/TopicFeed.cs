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
/// <param name="Silo">Address of this silo.</param>
/// <param name="Term">See <see cref="TopicChanges.Term"/>.</param>
/// <param name="Gather">After a batch, the next leaves after this long at the earliest.</param>
/// <param name="Order">Given: what lies behind a gap waits for it. Else changes are told as this silo showed them.</param>
internal sealed record FeedTarget(
    Func<TopicChanges, Task> Tell,
    Action Failed,
    int Backlog,
    TimeSpan Timeout,
    string Silo,
    long Term,
    TimeSpan Gather = default,
    DotOrder? Order = null);

/// <summary>The changes of one topic from a snapshot on, gap-free and in order, to one listener.</summary>
/// <remarks>
/// A full queue ends the feed and does not drop changes: what the listener knows would be wrong without its noticing.
/// While a batch is under way what arrives gathers and travels in the next one.
/// </remarks>
internal sealed class TopicFeed : IDisposable
{
    private const int MostChangesInABatch = 1000;

    /// <summary>How often a feed looks whether a gap was filled, while something waits for that.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly IPresenceNode _node;
    private readonly string _topic;
    private readonly FeedTarget _target;
    private readonly TimeProvider _time;
    private readonly Channel<PresenceChange> _queue;
    private TopicSubscription? _subscription;
    private long _told;
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

    public long Term => _target.Term;

    /// <summary>Sequence of the last batch that the target has taken.</summary>
    public long Told => Volatile.Read(ref _told);

    /// <param name="reach">
    /// Given: the first batch is a reset that holds what this covers of the snapshot; the rest follows in order.
    /// </param>
    public TopicSnapshot Start(Reach? reach)
    {
        _subscription = _node.Tracker.Subscribe(_topic, Enqueue);
        if (IsOver)
        {
            _subscription.Dispose();
        }

        var reset = reach is null ? null : Reset(0, _subscription.Snapshot, reach) with { Sequence = 1 };
        foreach (var entry in reach is null ? [] : _subscription.Snapshot.Where(e => !reach.Covers(e)))
        {
            _target.Order?.Add(new PresenceChange(PresenceChangeKind.Joined, entry, null, default));
        }

        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => RunAsync(reset));
        }

        return _subscription.Snapshot;
    }

    /// <summary>
    /// Everybody in the list who is covered, told as of a batch of this feed. The others are told in their turn, in batches to come.
    /// </summary>
    public TopicChanges Reset(long told, TopicSnapshot list, Reach reach) => new(
        _topic, _node.Name, told, IsReset: true, list.Where(reach.Covers).ToJoins(), _target.Silo, _target.Term, reach.Known);

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

    private async Task RunAsync(TopicChanges? reset)
    {
        try
        {
            if (reset is not null)
            {
                await TellAsync(reset);
            }

            while (await HasMoreAsync() && !IsOver)
            {
                var changes = TakeBatch();
                if (changes.Count == 0)
                {
                    continue;
                }

                await TellAsync(new TopicChanges(
                    _topic, _node.Name, Told + 1, IsReset: false, changes, _target.Silo, _target.Term));
                if (_target.Gather > TimeSpan.Zero)
                {
                    await Task.Delay(_target.Gather, _time);
                }
            }
        }
        catch (Exception)
        {
            // Gone, too slow or broken; the target decides what that means.
            Fail();
        }
    }

    private async Task TellAsync(TopicChanges changes)
    {
        await _target.Tell(changes).WaitAsync(_target.Timeout, _time);
        Volatile.Write(ref _told, changes.Sequence);
    }

    private async ValueTask<bool> HasMoreAsync()
    {
        if (_target.Order is null or { IsEmpty: true })
        {
            return await _queue.Reader.WaitToReadAsync();
        }

        if (!_target.Order.WasFull)
        {
            await Task.Delay(Look, _time);
        }

        return true;
    }

    private List<PresenceChangeRecord> TakeBatch()
    {
        if (_target.Order is not { } order)
        {
            return TakeAsShown();
        }

        GiveTo(order);
        if (order.Look())
        {
            // What filled a gap just before the look is in the queue, behind what waited for it.
            GiveTo(order);
        }

        return [.. order.Take(MostChangesInABatch).Select(c => c.ToRecord())];
    }

    private void GiveTo(DotOrder order)
    {
        while (_queue.Reader.TryRead(out var change))
        {
            order.Add(change);
        }
    }

    private List<PresenceChangeRecord> TakeAsShown()
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
