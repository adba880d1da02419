using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// Changes of a topic on their way to its stream, in the order in which each owner made its joins. Frames between silos may be
/// lost or reordered, and a silo that has just started receives the newest changes before the older ones; what lies behind such
/// a gap is withheld until the gap is filled.
/// </summary>
/// <remarks>
/// There is no order between owners. A presence keeps its own order in any case: join, updates, leave. Not thread-safe.
/// </remarks>
/// <param name="topic">The topic.</param>
/// <param name="prefixes">Keeps the gaps that are skipped.</param>
/// <param name="time">The clock.</param>
/// <param name="maxGap">A change that has waited for so long is released in spite of the gap.</param>
/// <param name="capacity">When more changes wait, they are released in spite of gaps.</param>
internal sealed class PerOwnerOrderBuffer(
    string topic, ContiguousPrefixTracker prefixes, TimeProvider time, TimeSpan maxGap, int capacity)
{
    private readonly HashSet<ReplicaId> _disordered = [];
    private readonly HashSet<ReplicaId> _ended = [];
    private readonly Dictionary<ReplicaId, ulong> _newest = [];
    private List<Waiting> _waiting = [];

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Whether the last <see cref="Take"/> returned as many changes as it was allowed to.</summary>
    public bool WasFull { get; private set; }

    /// <summary>Adds a change that the silo made visible after all that were added before.</summary>
    public void Add(PresenceChange change)
    {
        var owner = change.Entry.Owner;
        var joined = change.Entry.First.Sequence;
        if (change is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.NodeDown or LeaveReason.NodeStopped })
        {
            // Nothing will fill a gap of this owner.
            _ended.Add(owner);
        }
        else if (change.Kind == PresenceChangeKind.Joined)
        {
            if (_newest.TryGetValue(owner, out var newest) && joined < newest)
            {
                _disordered.Add(owner);
            }
            else
            {
                _newest[owner] = joined;
            }
        }

        _waiting.Add(new(change, time.GetTimestamp()));
    }

    /// <summary>Removes and returns what may be published.</summary>
    /// <param name="known">What was known at a moment up to which every visible change has been added.</param>
    /// <param name="max">Maximum number of changes.</param>
    public List<PresenceChange> Take(IReadOnlyList<KnownReplica> known, int max)
    {
        foreach (var owner in _disordered)
        {
            Sort(owner);
        }

        _disordered.Clear();
        var prefix = prefixes.Of(topic, known);
        var taken = new List<PresenceChange>(Math.Min(max, _waiting.Count));
        var kept = new List<Waiting>();
        HashSet<ReplicaId>? behindGap = null;
        foreach (var waiting in _waiting)
        {
            var owner = waiting.Change.Entry.Owner;
            if (taken.Count == max || behindGap?.Contains(owner) == true)
            {
                kept.Add(waiting);
            }
            else if (_ended.Contains(owner) || IsReleased(waiting, prefix))
            {
                taken.Add(waiting.Change);
            }
            else
            {
                (behindGap ??= []).Add(owner);
                kept.Add(waiting);
            }
        }

        _waiting = kept;
        WasFull = taken.Count == max;
        if (!WasFull)
        {
            _ended.Clear();
        }

        if (IsEmpty)
        {
            _newest.Clear();
        }

        return taken;
    }

    private bool IsReleased(Waiting waiting, KnownPrefix prefix)
    {
        var entry = waiting.Change.Entry;
        if (prefix.Covers(entry))
        {
            return true;
        }

        if (_waiting.Count <= capacity && time.GetElapsedTime(waiting.Since) < maxGap)
        {
            return false;
        }

        prefixes.SkipGap(topic, entry.Owner, entry.First.Sequence);
        return true;
    }

    /// <summary>
    /// Sorts an owner's changes by the order of its joins, in the places they had among the others'. The changes of one presence
    /// keep their order.
    /// </summary>
    private void Sort(ReplicaId owner)
    {
        var places = Enumerable.Range(0, _waiting.Count).Where(i => _waiting[i].Change.Entry.Owner == owner).ToList();
        var sorted = places.Select(i => _waiting[i]).OrderBy(w => w.Change.Entry.First.Sequence).ToList();
        for (var i = 0; i < places.Count; i++)
        {
            _waiting[places[i]] = sorted[i];
        }
    }

    private readonly record struct Waiting(PresenceChange Change, long Since);
}
