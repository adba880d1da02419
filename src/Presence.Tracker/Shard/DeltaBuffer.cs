using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Buffers local changes, coalesced to their net effect, until they are broadcast.</summary>
/// <remarks>
/// The first change of an idle shard is due at once. The delay of later ones grows with what it saves: a frame to each
/// peer, and the cost of a frame for each change.
/// </remarks>
/// <param name="maxDelay">The delay with many peers or many changes.</param>
/// <param name="bounds">The size from which on the buffer is full.</param>
/// <param name="peers">Returns the number of peers.</param>
internal sealed class DeltaBuffer(TimeSpan maxDelay, FrameBounds bounds, Func<int> peers)
{
    /// <summary>Number of peers from which on the delay is the whole <c>maxDelay</c>.</summary>
    private const double ManyPeers = 20;

    /// <summary>Number of changed dots of a frame after which the delay is the whole <c>maxDelay</c>.</summary>
    private const double ManyDots = 30;

    private ReplicaState<PresenceEntry> _delta = new();
    private TimeSpan _lastSent = TimeSpan.MinValue;
    private int _lastDots;
    private int _dots;
    private int _bytes;

    /// <summary>Gets when the buffered changes must be sent; null if there are none.</summary>
    public TimeSpan? Due => _dots == 0 ? null : _lastSent == TimeSpan.MinValue ? TimeSpan.Zero : _lastSent + Delay;

    public bool IsEmpty => _dots == 0;

    /// <summary>Gets the last local sequence number that was announced.</summary>
    public ulong Announced { get; private set; }

    public bool IsFull => _dots >= bounds.DeltaDots || _bytes >= bounds.DeltaBytes;

    /// <summary>Without peers nothing is buffered: a new node requests the whole state.</summary>
    private bool IsIdle => IsEmpty && peers() == 0;

    private TimeSpan Delay => maxDelay * Math.Min(1, (peers() / ManyPeers) + (_lastDots / ManyDots));

    public void Joined(PresenceEntry entry)
    {
        if (IsIdle)
        {
            Announced = entry.Sequence;
            return;
        }

        _delta.Add(entry.Sequence, entry);
        Count(1, entry);
    }

    /// <summary>Records the end of an entry. Call before <see cref="Removed"/>.</summary>
    public void Ended(PresenceEntry entry)
    {
        // An unsent version is dropped, but sent as the final version of an entry that others know, or whose
        // predecessor of the same session they may show.
        if (_delta.RemoveUnsent(entry.Sequence, out _)
            && (entry.CreatedSequence <= Announced || entry.Stamp is not null))
        {
            _delta.AddFinal(entry.Sequence, entry);
        }
    }

    /// <summary>Drops a version that a newer one replaces. Call before <see cref="Removed"/>.</summary>
    public void Superseded(PresenceEntry entry) => _delta.RemoveUnsent(entry.Sequence, out _);

    /// <summary>Adds the removal of ended or superseded versions.</summary>
    public void Removed(Removal removal)
    {
        if (IsIdle)
        {
            Announced = removal.Tick;
            return;
        }

        _delta.Remove(removal);
        Count(1 + removal.Removed.Length, null);
    }

    /// <summary>Adds a defect for the simulation: see <see cref="ShardDefect.RemovalWithoutTick"/>.</summary>
    public void RemovedWithoutTick(Removal removal)
    {
        foreach (var removed in removal.Removed.Span)
        {
            _delta.MarkRemoved(new Interval(removed, removed));
        }

        Count(removal.Removed.Length, null);
    }

    /// <summary>Returns the buffered changes and empties the buffer.</summary>
    /// <param name="now">The time.</param>
    /// <param name="counter">The last local sequence number.</param>
    public ReplicaState<PresenceEntry> Drain(TimeSpan now, ulong counter)
    {
        Announced = counter;
        var delta = _delta;
        _delta = new();
        (_lastSent, _lastDots) = (now, _dots);
        _dots = _bytes = 0;
        return delta;
    }

    private void Count(int dots, PresenceEntry? entry)
    {
        _dots += dots;
        _bytes += entry is null ? 16 : entry.Meta.Length + entry.Key.Length + entry.Topic.Length + 16;
    }
}
