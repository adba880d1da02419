using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>
/// Turns what a merge changed into what readers and observers see: of each (owner, process, topic, key) the newest
/// version, never an older one again.
/// </summary>
internal sealed class Showing(PresenceIndex index)
{
    private readonly List<PresenceEntry> _replaced = [];

    /// <summary>For the simulation alone.</summary>
    public ShardDefect Planted { get; set; }

    /// <summary>Shows what a merge taught of a peer.</summary>
    public void Apply(Peer peer, MergeResult<PresenceEntry> merged, List<PresenceChange> changes)
    {
        _replaced.Clear();
        foreach (var entry in merged.Joined)
        {
            Show(peer, entry, changes);
        }

        var mayHaveOlder = !peer.Dots.Context.IsContiguous;
        var replaced = 0;
        foreach (var (entry, note) in merged.Left)
        {
            if (replaced < _replaced.Count && _replaced[replaced] == entry)
            {
                // Versions mostly end in the order in which they were replaced: no need to look what took their place.
                replaced++;
            }
            else if (index.FindThere(entry) is { } shown && shown.Sequence == entry.Sequence)
            {
                Hide(shown, FinalOf(shown, merged), (LeaveReason)note, changes);
                FallBack(peer, shown, changes);
            }

            if (mayHaveOlder)
            {
                Raise(peer, entry);
            }
        }

        _replaced.Clear();
        if (!mayHaveOlder)
        {
            // Nothing unknown is older than what is known: no straggler can come.
            peer.Floors.Clear();
        }
    }

    /// <summary>Shows everything live of a peer that was hidden.</summary>
    public void ShowAll(Peer peer, List<PresenceChange> changes)
    {
        foreach (var sequence in peer.Dots.LiveSequences().Reverse())
        {
            // Newest first, so that an older version of a shown entry stays hidden.
            var entry = peer.Dots.Live[sequence];
            if (index.Find(entry) is null && !IsBelowFloor(peer, entry))
            {
                index.Set(entry, isNew: true);
                changes.Add(PresenceChange.Joined(entry));
            }
        }
    }

    /// <summary>Hides everything shown of a peer.</summary>
    public void HideAll(Peer peer, LeaveReason reason, List<PresenceChange> changes)
    {
        foreach (var (sequence, entry) in peer.Dots.Live)
        {
            if (index.Find(entry) is { } shown && shown.Sequence == sequence)
            {
                Hide(shown, shown, reason, changes);
            }
        }
    }

    /// <summary>Remembers, while a peer is hidden, which of its versions are over.</summary>
    public static void Note(Peer peer, MergeResult<PresenceEntry> merged)
    {
        if (peer.Dots.Context.IsContiguous)
        {
            peer.Floors.Clear();
            return;
        }

        foreach (var (entry, _) in merged.Left)
        {
            Raise(peer, entry);
        }
    }

    private void Show(Peer peer, PresenceEntry entry, List<PresenceChange> changes)
    {
        // Most of what has an older version is shown, and most of what has none is the first under its key.
        if (entry.Previous == 0 && peer.Floors.Count == 0 && index.TryAppear(entry))
        {
            changes.Add(PresenceChange.Joined(entry));
        }
        else if (index.FindThere(entry) is not { } shown)
        {
            if (!IsBelowFloor(peer, entry))
            {
                index.Set(entry, isNew: true);
                changes.Add(PresenceChange.Joined(entry));
            }
        }
        else if (shown.Sequence < entry.Sequence)
        {
            index.Set(entry, isNew: false);
            _replaced.Add(shown);
            if (shown.Born == entry.Born)
            {
                changes.Add(PresenceChange.Updated(shown, entry));
            }
            else
            {
                // Untracked and tracked anew, in one frame or with the frame between them late.
                changes.Add(PresenceChange.Left(shown, shown, LeaveReason.Replaced));
                changes.Add(PresenceChange.Joined(entry));
            }
        }
    }

    private void Hide(PresenceEntry shown, PresenceEntry final, LeaveReason reason, List<PresenceChange> changes)
    {
        index.Remove(shown);
        changes.Add(PresenceChange.Left(shown, final, reason));
    }

    private void FallBack(Peer peer, PresenceEntry ended, List<PresenceChange> changes)
    {
        if (Planted == ShardDefect.FallsBackToAnOlderVersion
            && peer.Dots.Live.Values.Where(e => (e.Topic, e.Key, e.Process) == (ended.Topic, ended.Key, ended.Process)).MaxBy(e => e.Sequence)
                is { } older)
        {
            index.Set(older, isNew: true);
            changes.Add(PresenceChange.Joined(older));
        }
    }

    private static PresenceEntry FinalOf(PresenceEntry shown, MergeResult<PresenceEntry> merged)
    {
        foreach (var final in merged.Finals)
        {
            if (final.Born == shown.Born && final.Owner == shown.Owner && final.Sequence > shown.Sequence)
            {
                return final;
            }
        }

        return shown;
    }

    private static bool IsBelowFloor(Peer peer, PresenceEntry entry) =>
        peer.Floors.Count > 0
        && peer.Floors.TryGetValue((entry.Topic, entry.Key, entry.Process), out var floor)
        && entry.Sequence < floor;

    private static void Raise(Peer peer, PresenceEntry left)
    {
        var identity = (left.Topic, left.Key, left.Process);
        if (!peer.Floors.TryGetValue(identity, out var floor) || floor < left.Sequence)
        {
            peer.Floors[identity] = left.Sequence;
        }
    }
}
