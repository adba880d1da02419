using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>
/// Gathers changes and condenses them to their net effect, at most one join, update or leave-and-join per presence, so
/// that a lagging observer costs memory by the presences concerned and not by the changes.
/// </summary>
/// <remarks>
/// Join then update: join of the newest. Join then leave: nothing. Update then update: one update from the oldest shown
/// to the newest. Update then leave: a leave of what was shown, with the final version. Leave then join: both.
/// </remarks>
public sealed class DiffCoalescer
{
    private readonly Dictionary<Identity, Net> _nets = [];
    private long _order;

    /// <summary>Presences with a net change.</summary>
    public int Count => _nets.Count;

    /// <summary>Adds a change that happened after all those added before.</summary>
    public void Add(PresenceChange change)
    {
        var entry = change.Entry;
        var identity = new Identity(entry.Topic, entry.Key, entry.Owner, entry.Process);
        if (!_nets.TryGetValue(identity, out var net))
        {
            net = new Net { Order = _order++, Shown = change.LastShown };
            _nets.Add(identity, net);
        }

        net.Present = change.Kind == PresenceChangeKind.Left ? null : entry;
        if (change.Kind == PresenceChangeKind.Left && net.Shown is not null && net.End is null)
        {
            net.End = change with { LastShown = net.Shown };
        }

        if (net.Shown is null && net.Present is null)
        {
            _nets.Remove(identity);
        }
    }

    /// <summary>The net changes so far, in order of the first change of each presence; empties the coalescer.</summary>
    public IReadOnlyList<PresenceChange> Drain()
    {
        var changes = new List<PresenceChange>(_nets.Count);
        foreach (var net in _nets.Values.OrderBy(n => n.Order))
        {
            if (net is { Shown: { } shown, End: null, Present: { } present })
            {
                changes.Add(PresenceChange.Updated(shown, present));
                continue;
            }

            if (net.End is { } end)
            {
                changes.Add(end);
            }

            if (net.Present is { } joined)
            {
                changes.Add(PresenceChange.Joined(joined));
            }
        }

        _nets.Clear();
        _order = 0;
        return changes;
    }

    private readonly record struct Identity(string Topic, string Key, ReplicaId Owner, ulong Process);

    private sealed class Net
    {
        public required long Order { get; init; }

        /// <summary>What observers saw before the first change gathered; null if nothing.</summary>
        public PresenceEntry? Shown { get; init; }

        /// <summary>The end of <see cref="Shown"/>, if it came.</summary>
        public PresenceChange? End { get; set; }

        /// <summary>What is there now.</summary>
        public PresenceEntry? Present { get; set; }
    }
}
