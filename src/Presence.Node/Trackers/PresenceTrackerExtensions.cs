using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Other forms of <see cref="IPresenceTracker.Subscribe(string, Action{TopicDiff})"/> and of reads.</summary>
public static class PresenceTrackerExtensions
{
    /// <summary>Maximum number of diffs that wait for an enumeration.</summary>
    private const int Capacity = 256;

    /// <summary>
    /// Enumerates every presence of a topic as a join, and then each change, in order and exactly once, until canceled.
    /// </summary>
    /// <remarks>
    /// When 256 diffs wait for the caller, later ones are coalesced to their net effect: memory is bounded by the
    /// number of presences.
    /// </remarks>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    /// <example>
    /// <code>
    /// await foreach (var change in node.Tracker.WatchAsync("lobby", CancellationToken.None))
    /// {
    ///     Console.WriteLine($"{change.Kind} {change.Entry.Key}");
    /// }
    /// </code>
    /// </example>
    public static IAsyncEnumerable<PresenceChange> WatchAsync(
        this IPresenceTracker tracker, string topic, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        return WatchAsync(onDiff => tracker.Subscribe(topic, onDiff), cancellation);
    }

    /// <summary>
    /// Enumerates every presence in a view of a topic as a join, and then each change of the view, in order and exactly
    /// once, until canceled.
    /// </summary>
    /// <inheritdoc cref="WatchAsync(IPresenceTracker, string, CancellationToken)" path="/remarks"/>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    /// <exception cref="PresenceViewException">
    /// The view is malformed, or filters by a field that is not declared for the topic.
    /// </exception>
    /// <example>
    /// <code>
    /// var view = new PresenceView { First = 50, Prefix = "an" };
    /// await foreach (var change in node.Tracker.WatchAsync("lobby", view, CancellationToken.None))
    /// {
    ///     Console.WriteLine($"{change.Kind} {change.Entry.Key}{(change.IsOfView ? " (in or out of view)" : "")}");
    /// }
    /// </code>
    /// </example>
    public static IAsyncEnumerable<PresenceChange> WatchAsync(
        this IPresenceTracker tracker, string topic, PresenceView view, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        return WatchAsync(onDiff => tracker.Subscribe(topic, view, onDiff), cancellation);
    }

    private static async IAsyncEnumerable<PresenceChange> WatchAsync(
        Func<Action<TopicDiff>, TopicSubscription> subscribe, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var queue = new WatchQueue(Capacity);
        using var subscription = subscribe(queue.Add);
        foreach (var change in PresenceChange.JoinedAll(subscription.Snapshot))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return change;
        }

        while (true)
        {
            foreach (var change in await queue.TakeAsync(cancellation).ConfigureAwait(false))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return change;
            }
        }
    }

    /// <summary>Enumerates the keys of a topic that come and go, whatever the number of their devices.</summary>
    /// <remarks>
    /// Yields every key that is present, as come; then a key when its first presence has joined, and when its last one
    /// has left. A key that leaves and returns before the caller takes the change is not yielded.
    /// </remarks>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    /// <example>
    /// <code>
    /// await foreach (var (key, isPresent) in node.Tracker.WatchKeysAsync("lobby", CancellationToken.None))
    /// {
    ///     Console.WriteLine($"{key} {(isPresent ? "came" : "went")}");
    /// }
    /// </code>
    /// </example>
    public static async IAsyncEnumerable<KeyChange> WatchKeysAsync(
        this IPresenceTracker tracker, string topic, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        var queue = new WatchQueue(Capacity);
        using var subscription = tracker.Subscribe(topic, queue.Add);
        foreach (var change in KeyChange.Of(PresenceChange.JoinedAll(subscription.Snapshot)))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return change;
        }

        while (true)
        {
            foreach (var change in KeyChange.Of(await queue.TakeAsync(cancellation).ConfigureAwait(false)))
            {
                cancellation.ThrowIfCancellationRequested();
                yield return change;
            }
        }
    }

    /// <summary>
    /// Returns, for each other node that this node knows, how much of its changes the presences of a topic contain.
    /// This node's own changes are always in them.
    /// </summary>
    public static IReadOnlyList<NodeFreshness> Freshness(this IPresenceTracker tracker, string topic)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        ArgumentNullException.ThrowIfNull(topic);
        var shard = tracker.ShardOf(topic);
        return
        [
            .. from replica in tracker.Replicas()
               where replica.Shard == shard
               let age = replica.Lag > replica.SilentFor ? replica.Lag : replica.SilentFor
               select new NodeFreshness(replica.Node, replica.Status == "up", age),
        ];
    }

    /// <summary>Returns whether a key is present in any topic.</summary>
    public static bool IsOnline(this IPresenceTracker tracker, string key)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        return tracker.TopicsOf(key).Count > 0;
    }

    /// <summary>The changes that wait for an enumeration.</summary>
    private sealed class WatchQueue(int capacity)
    {
        private readonly Lock _gate = new();
        private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        private readonly DiffCoalescer _late = new();
        private List<PresenceChange> _changes = [];
        private int _diffs;

        public void Add(TopicDiff diff)
        {
            lock (_gate)
            {
                if (_diffs < capacity)
                {
                    _diffs++;
                    _changes.AddRange(diff.Changes);
                }
                else
                {
                    foreach (var change in diff.Changes)
                    {
                        _late.Add(change);
                    }
                }
            }

            _signal.Writer.TryWrite(true);
        }

        public async ValueTask<IReadOnlyList<PresenceChange>> TakeAsync(CancellationToken cancellation)
        {
            await _signal.Reader.ReadAsync(cancellation).ConfigureAwait(false);
            lock (_gate)
            {
                var changes = _changes;
                changes.AddRange(_late.Drain());
                (_changes, _diffs) = ([], 0);
                return changes;
            }
        }
    }
}

/// <summary>A key came to a topic, or went.</summary>
/// <param name="Key">The key.</param>
/// <param name="IsPresent">True if its first presence joined, false if its last one left.</param>
public readonly record struct KeyChange(string Key, bool IsPresent)
{
    /// <summary>Returns the keys that have come or gone in sum.</summary>
    internal static IReadOnlyList<KeyChange> Of(IEnumerable<PresenceChange> changes) =>
    [
        .. from change in changes
           where change.ChangesKey
           group change by change.Entry.Key into ofKey
           where ofKey.Count() % 2 == 1
           select new KeyChange(ofKey.Key, ofKey.Last().IsFirst),
    ];
}
