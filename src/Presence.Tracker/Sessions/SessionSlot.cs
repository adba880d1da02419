namespace Presence.Tracker.Sessions;

/// <summary>One presence of a resumable session: what the replicas say of it, and which entry is shown.</summary>
internal sealed class SessionSlot(SessionId session, string topic, string key)
{
    public SessionId Session => session;

    public string Topic => topic;

    public string Key => key;

    /// <summary>Gets the newest live entry of each replica that is not hidden. Mostly one.</summary>
    public List<PresenceEntry> Candidates { get; } = new(1);

    /// <summary>Gets or sets the entry in the index: a candidate, or a held one that has ended; null if none.</summary>
    public PresenceEntry? Shown { get; set; }

    /// <summary>Gets or sets when the shown entry leaves, for the reason below, unless a successor arrives.</summary>
    public TimeSpan? HeldUntil { get; set; }

    /// <summary>Gets or sets since when it is held.</summary>
    public TimeSpan HeldSince { get; set; }

    public LeaveReason HeldReason { get; set; }

    public PresenceEntry? HeldFinal { get; set; }

    /// <summary>Gets or sets the greatest generation that was received: older entries stay hidden.</summary>
    public Generation Greatest { get; set; }

    /// <summary>Gets or sets when an empty slot is forgotten.</summary>
    public TimeSpan ForgetAt { get; set; }

    public TimeSpan Grace { get; set; }

    /// <summary>Gets or sets since when all entries are hidden; null if one is shown or there is none.</summary>
    public TimeSpan? HiddenSince { get; set; }

    /// <summary>Gets or sets whether the greatest generation was ended by its owner.</summary>
    public bool HasEnded { get; set; }

    public bool IsEmpty => Candidates.Count == 0 && Shown is null;

    /// <summary>Returns the candidate with the greatest (generation, replica, sequence).</summary>
    public PresenceEntry? Best(bool bySequence = false)
    {
        if (bySequence)
        {
            return Candidates.MaxBy(c => c.Sequence);
        }

        PresenceEntry? best = null;
        foreach (var candidate in Candidates)
        {
            if (candidate.Stamp!.Generation >= Greatest && (best is null || IsGreater(candidate, best)))
            {
                best = candidate;
            }
        }

        return best;
    }

    public int IndexOf(PresenceEntry identity)
    {
        for (var i = 0; i < Candidates.Count; i++)
        {
            if (Candidates[i].Process == identity.Process && Candidates[i].Owner == identity.Owner)
            {
                return i;
            }
        }

        return -1;
    }

    public static bool IsGreater(PresenceEntry one, PresenceEntry other)
    {
        var order = one.Stamp!.Generation.CompareTo(other.Stamp!.Generation);
        order = order != 0 ? order : one.Owner.CompareTo(other.Owner);
        return order != 0 ? order > 0 : one.Sequence > other.Sequence;
    }
}
