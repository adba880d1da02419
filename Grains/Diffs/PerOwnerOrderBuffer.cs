using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// Orders the changes of a topic for its stream by the joins of each owner. Frames between silos may be lost or
/// reordered, and a new silo receives the newest changes first; changes behind a gap are withheld.
/// </summary>
/// <remarks>No order between owners. The changes of one presence keep theirs. Not thread-safe.</remarks>
/// <param name="topic">The topic.</param>
/// <param name="prefixes">Stores the skipped gaps.</param>
/// <param name="time">The clock.</param>
/// <param name="maxGap">Time after which a change is released in spite of a gap.</param>
/// <param name="capacity">Number of withheld changes above which they are released in spite of gaps.</param>
internal sealed class PerOwnerOrderBuffer(
    string topic, ContiguousPrefixTracker prefixes, TimeProvider time, TimeSpan maxGap, int capacity)
{
    private readonly HashSet<ReplicaId> _disordered = [];
    private readonly HashSet<ReplicaId> _ended = [];
    private readonly Dictionary<ReplicaId, ulong> _newest = [];
    private List<Waiting> _waiting = [];

    /// <summary>Gets whether no change is withheld.</summary>
    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Gets whether the last <see cref="Release"/> returned the maximum number of changes.</summary>
    public bool WasFull { get; private set; }

    /// <summary>Adds a change that became visible after all those added before.</summary>
    public void Add(PresenceChange change)
    {
        var owner = change.Entry.Owner;
        var joined = change.Entry.First.Sequence;
        if (change is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.NodeDown or LeaveReason.NodeStopped })
        {
            // No gap of this owner will be filled.
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

    /// <summary>Removes and returns the changes that may be published.</summary>
    /// <param name="known">The clocks at a moment up to which every visible change has been added.</param>
    /// <param name="max">Maximum number of changes.</param>
    public List<PresenceChange> Release(IReadOnlyList<KnownReplica> known, int max)
    {
        foreach (var owner in _disordered)
        {
            Sort(owner);
        }

        _disordered.Clear();
        var prefix = prefixes.Of(topic, known);
        var released = new List<PresenceChange>(Math.Min(max, _waiting.Count));
        var kept = new List<Waiting>();
        HashSet<ReplicaId>? behindGap = null;
        foreach (var waiting in _waiting)
        {
            var owner = waiting.Change.Entry.Owner;
            if (released.Count == max || behindGap?.Contains(owner) == true)
            {
                kept.Add(waiting);
            }
            else if (_ended.Contains(owner) || IsReleased(waiting, prefix))
            {
                released.Add(waiting.Change);
            }
            else
            {
                (behindGap ??= []).Add(owner);
                kept.Add(waiting);
            }
        }

        _waiting = kept;
        WasFull = released.Count == max;
        if (!WasFull)
        {
            _ended.Clear();
        }

        if (IsEmpty)
        {
            _newest.Clear();
        }

        return released;
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

    /// <summary>Sorts an owner's changes by its joins, within their positions; stable for each presence.</summary>
    private void Sort(ReplicaId owner)
    {
        var positions = Enumerable.Range(0, _waiting.Count).Where(i => _waiting[i].Change.Entry.Owner == owner)
            .ToList();
        var sorted = positions.Select(i => _waiting[i]).OrderBy(w => w.Change.Entry.First.Sequence).ToList();
        for (var i = 0; i < positions.Count; i++)
        {
            _waiting[positions[i]] = sorted[i];
        }
    }

    private readonly record struct Waiting(PresenceChange Change, long Since);
}
