using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>
/// What a reader has been told of one topic. Turns lists and changes, from whichever silo, late, repeated or with gaps, into
/// joins, updates and leaves that each happen once.
/// </summary>
/// <remarks>
/// <para>Presences are compared by dot: a version is newer when its sequence is higher, and whoever knows a replica up to
/// an event knows whether what that event wrote is still there.</para>
/// <para>When the reader changes to another silo, the two may know different things. What the new one lacks is only held to
/// have left if it knows enough of its owner; what it has too much is only held to have come back if it still has it
/// after <c>settle</c>. Until then the picture is not <see cref="IsSettled"/>: list again.</para>
/// <para>Not thread-safe.</para>
/// </remarks>
internal sealed class TopicPicture(TimeProvider time, TimeSpan settle)
{
    private const int MostRemembered = 50_000;
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly Dictionary<PresenceId, PresenceEntry> _shown = [];
    private readonly Dictionary<PresenceId, Departure> _left = [];
    private readonly Queue<(PresenceId Id, long At)> _leftInOrder = new();
    private readonly Dictionary<PresenceId, long> _missing = [];
    private readonly Dictionary<PresenceId, long> _doubted = [];
    private string _source = "";

    /// <summary>Everybody the reader has been told of, in no order.</summary>
    public IReadOnlyCollection<PresenceEntry> Shown => _shown.Values;

    /// <summary>Whether nothing waits for another look at the list.</summary>
    public bool IsSettled => _missing.Count == 0 && _doubted.Count == 0;

    /// <summary>Presences that left and whose coming back would be suspicious.</summary>
    internal int Remembering => _left.Count;

    /// <summary>Changes that follow what the same source told before.</summary>
    public List<PresenceChange> Apply(IReadOnlyList<PresenceChange> changes)
    {
        var told = new List<PresenceChange>(changes.Count);
        foreach (var change in changes)
        {
            if (change.Kind == PresenceChangeKind.Left)
            {
                Leave(change.Entry, change.Reason, told);
            }
            else
            {
                Show(change.Entry, told);
            }
        }

        return told;
    }

    /// <summary>Everybody who is present, as a silo sees it.</summary>
    /// <param name="source">The silo.</param>
    /// <param name="present">Its list.</param>
    /// <param name="known">What it knew when it made the list, or earlier.</param>
    public List<PresenceChange> Replace(
        string source,
        IEnumerable<PresenceEntry> present,
        IReadOnlyList<KnownReplica> known)
    {
        var sameSource = string.Equals(source, _source, StringComparison.Ordinal);
        _source = source;
        var told = new List<PresenceChange>();
        var listed = new HashSet<PresenceId>();
        var joining = new List<PresenceEntry>();
        foreach (var presence in present)
        {
            listed.Add(PresenceId.Of(presence));
            joining.Add(presence);
        }

        // Leaves first: a key that left and came back is otherwise seen twice for a moment.
        foreach (var (id, shown) in _shown.Where(p => !listed.Contains(p.Key)).ToList())
        {
            if ((sameSource && !_missing.ContainsKey(id)) || Knows(known, source, shown) || IsOver(_missing, id))
            {
                Leave(shown, Explain(known, shown), told);
            }
        }

        foreach (var id in _doubted.Keys.Where(id => !listed.Contains(id)).ToList())
        {
            _doubted.Remove(id);
        }

        foreach (var presence in joining.OrderBy(p => p.Owner).ThenBy(p => p.First.Sequence))
        {
            Show(presence, told);
        }

        return told;
    }

    private static bool Knows(IReadOnlyList<KnownReplica> known, string source, PresenceEntry shown)
    {
        var livingOwner = false;
        foreach (var replica in known)
        {
            if (!string.Equals(replica.Node, shown.Owner.Node, StringComparison.Ordinal))
            {
                continue;
            }

            if (replica.Incarnation > shown.Owner.Incarnation
                || (replica.Incarnation == shown.Owner.Incarnation && replica.Clock >= shown.Dot.Sequence))
            {
                return true;
            }

            livingOwner = true;
        }

        return !livingOwner;
    }

    /// <summary>A leave that was missed has lost its reason; this is the likeliest.</summary>
    private static LeaveReason Explain(IReadOnlyList<KnownReplica> known, PresenceEntry shown) =>
        known.Any(r => r.Node == shown.Owner.Node && r.Incarnation >= shown.Owner.Incarnation && r.Clock >= shown.Dot.Sequence)
            ? LeaveReason.Untracked
            : LeaveReason.NodeDown;

    private void Show(PresenceEntry presence, List<PresenceChange> told)
    {
        var id = PresenceId.Of(presence);
        _missing.Remove(id);
        if (_shown.TryGetValue(id, out var shown))
        {
            if (presence.Dot.Sequence > shown.Dot.Sequence)
            {
                _shown[id] = presence;
                told.Add(new(PresenceChangeKind.Updated, presence, shown, default));
            }

            return;
        }

        if (_left.TryGetValue(id, out var departure))
        {
            if (departure.IsFinal)
            {
                return;
            }

            if (!string.Equals(departure.Source, _source, StringComparison.Ordinal) && !IsOver(_doubted, id))
            {
                return;
            }

            _left.Remove(id);
        }

        _doubted.Remove(id);
        _shown.Add(id, presence);
        told.Add(new(PresenceChangeKind.Joined, presence, null, default));
    }

    private void Leave(PresenceEntry final, LeaveReason reason, List<PresenceChange> told)
    {
        var id = PresenceId.Of(final);
        _missing.Remove(id);
        _doubted.Remove(id);

        // A member that was only out of reach comes back with the same presences; everything else ends for good.
        Remember(id, new Departure(_source, reason != LeaveReason.NodeDown));
        if (_shown.Remove(id, out var shown))
        {
            told.Add(new(PresenceChangeKind.Left, final, shown, reason));
        }
    }

    private void Remember(PresenceId id, Departure departure)
    {
        _left[id] = departure;
        _leftInOrder.Enqueue((id, time.GetTimestamp()));
        while (_leftInOrder.Count > MostRemembered || time.GetElapsedTime(_leftInOrder.Peek().At) > Remembered)
        {
            _left.Remove(_leftInOrder.Dequeue().Id);
        }
    }

    /// <summary>Whether the doubt about a presence has lasted long enough; begins it if there was none.</summary>
    private bool IsOver(Dictionary<PresenceId, long> doubts, PresenceId id)
    {
        if (doubts.TryAdd(id, time.GetTimestamp()))
        {
            return false;
        }

        return time.GetElapsedTime(doubts[id]) >= settle;
    }

    /// <summary>Names a presence for its whole life, alike on all silos.</summary>
    private readonly record struct PresenceId(Dot First)
    {
        public static PresenceId Of(PresenceEntry presence) => new(presence.First);
    }

    private readonly record struct Departure(string Source, bool IsFinal);
}
