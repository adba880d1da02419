using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// Changes of a topic on their way to its stream, in the order in which each owner made its joins. Frames between silos may be lost or
/// overtake each other, and a silo that has just come hears of the newest changes before it is told the older ones; what lies behind such
/// a gap waits until the gap is filled.
/// </summary>
/// <remarks>
/// Owners do not wait for each other: between them there is no order. A presence is told in its own order whatever happens: join,
/// updates, leave. Not thread-safe.
/// </remarks>
/// <param name="topic">The topic.</param>
/// <param name="contiguity">Says where gaps are.</param>
/// <param name="time">The clock.</param>
/// <param name="longest">What has waited for so long is told in spite of the gap.</param>
/// <param name="most">As are all when more than this wait.</param>
internal sealed class DotOrder(string topic, Contiguity contiguity, TimeProvider time, TimeSpan longest, int most)
{
    private readonly HashSet<ReplicaId> _disordered = [];
    private readonly HashSet<ReplicaId> _ended = [];
    private readonly Dictionary<ReplicaId, ulong> _newest = [];
    private List<Waiting> _waiting = [];
    private Reach? _reach;
    private bool _hasNews;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => _waiting.Count == 0;

    /// <summary>Whether the last batch was full, so that the next one need not wait for anything.</summary>
    public bool WasFull { get; private set; }

    /// <summary>Adds what the silo showed after all that was added before.</summary>
    public void Add(PresenceChange change)
    {
        var owner = change.Entry.Owner;
        var joined = change.Entry.First.Sequence;
        if (change is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.NodeDown or LeaveReason.NodeStopped })
        {
            // Nothing will fill a gap of this owner's.
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

        _hasNews = true;
        _waiting.Add(new(change, time.GetTimestamp()));
    }

    /// <summary>
    /// Looks where gaps are, if that must be known. All that this covers has been shown by the time it returns: add it before taking.
    /// </summary>
    /// <returns>Whether it looked.</returns>
    public bool Look()
    {
        if (_waiting.TrueForAll(w => _reach?.Covers(w.Change.Entry) == true))
        {
            return false;
        }

        _reach = _hasNews ? contiguity.Of(topic) : contiguity.RecentlyOf(topic);
        _hasNews = false;
        return true;
    }

    /// <summary>Takes what may be told, as of the last look.</summary>
    /// <param name="atMost">How many at most.</param>
    public List<PresenceChange> Take(int atMost)
    {
        foreach (var owner in _disordered)
        {
            Sort(owner);
        }

        _disordered.Clear();
        var told = new List<PresenceChange>(Math.Min(atMost, _waiting.Count));
        var kept = new List<Waiting>();
        var behindGap = new HashSet<ReplicaId>();
        foreach (var waiting in _waiting)
        {
            var owner = waiting.Change.Entry.Owner;
            if (told.Count == atMost || behindGap.Contains(owner))
            {
                kept.Add(waiting);
            }
            else if (_ended.Contains(owner) || MayBeTold(waiting))
            {
                told.Add(waiting.Change);
            }
            else
            {
                behindGap.Add(owner);
                kept.Add(waiting);
            }
        }

        _waiting = kept;
        WasFull = told.Count == atMost;
        if (!WasFull)
        {
            _ended.Clear();
        }

        if (IsEmpty)
        {
            _newest.Clear();
        }

        return told;
    }

    private bool MayBeTold(Waiting waiting)
    {
        var entry = waiting.Change.Entry;
        if (_reach?.Covers(entry) == true)
        {
            return true;
        }

        if (_waiting.Count <= most && time.GetElapsedTime(waiting.Since) < longest)
        {
            return false;
        }

        contiguity.Waive(topic, entry.Owner, entry.First.Sequence);
        return true;
    }

    /// <summary>
    /// Puts what an owner's changes say into the order of its joins, in the places they had among the others'. What concerns one presence
    /// keeps its order.
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
