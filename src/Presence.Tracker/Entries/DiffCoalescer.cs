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
    /// <summary>Presences with a net change.</summary>
    public int Count => throw new NotSupportedException();

    /// <summary>Adds a change that happened after all those added before.</summary>
    public void Add(PresenceChange change) => throw new NotSupportedException();

    /// <summary>The net changes so far, in order of the first change of each presence; empties the coalescer.</summary>
    public IReadOnlyList<PresenceChange> Drain() => throw new NotSupportedException();
}
