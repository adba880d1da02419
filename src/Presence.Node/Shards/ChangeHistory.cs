using Presence.Tracker;

namespace Presence.Node.Shards;

/// <summary>The last visible changes of a shard, for readers that come back with a cursor.</summary>
/// <remarks>One thread adds at a time; readers of any thread walk back without a lock.</remarks>
internal sealed class ChangeHistory
{
    /// <summary>Maximum number of changes; a single larger step empties the history.</summary>
    public const int Capacity = 8192;

    private volatile Step? _newest;
    private Step? _oldest;
    private int _count;

    /// <summary>Gets the number of remembered changes. For the writer.</summary>
    public int Count => _count;

    /// <summary>Adds the changes of one step.</summary>
    public void Add(long version, PresenceChange[] changes)
    {
        if (changes.Length > Capacity)
        {
            (_newest, _oldest, _count) = (null, null, 0);
            return;
        }

        var step = new Step(version, changes) { Previous = _newest };
        if (_newest is { } newest)
        {
            newest.Next = step;
        }

        _oldest ??= step;
        _newest = step;
        _count += changes.Length;
        while (_count > Capacity)
        {
            var dropped = _oldest!;
            _count -= dropped.Changes.Length;
            _oldest = dropped.Next!;
            _oldest.Previous = null;

            // An old object that refers to a younger one would keep it until the next full collection.
            dropped.Next = null;
        }
    }

    /// <summary>Returns the changes of a topic up to a version, newest first, as far as they are remembered.</summary>
    public IEnumerable<PresenceChange> Of(string topic, long upTo)
    {
        for (var step = _newest; step is not null; step = step.Previous)
        {
            for (var i = step.Version <= upTo ? step.Changes.Length - 1 : -1; i >= 0; i--)
            {
                if (string.Equals(step.Changes[i].Entry.Topic, topic, StringComparison.Ordinal))
                {
                    yield return step.Changes[i];
                }
            }
        }
    }

    private sealed class Step(long version, PresenceChange[] changes)
    {
        private volatile Step? _previous;

        public long Version => version;

        public PresenceChange[] Changes => changes;

        public Step? Previous
        {
            get => _previous;
            set => _previous = value;
        }

        public Step? Next { get; set; }
    }
}
