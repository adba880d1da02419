using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Own changes that were not broadcast yet, condensed to their net effect, and when they must leave.</summary>
internal sealed class Outbox(TimeSpan delay, FrameBounds bounds, Func<bool> isHeard)
{
    private ReplicaDots<PresenceEntry> _delta = new();
    private TimeSpan _lastSent = TimeSpan.MinValue;
    private int _dots;
    private int _bytes;

    /// <summary>When what was gathered must leave, or null if there is nothing.</summary>
    public TimeSpan? Due => _dots == 0 ? null : _lastSent == TimeSpan.MinValue ? TimeSpan.Zero : _lastSent + delay;

    public bool IsEmpty => _dots == 0;

    /// <summary>The last own sequence number that was taken for sending.</summary>
    public ulong Announced { get; private set; }

    public bool IsFull => _dots >= bounds.DeltaDots || _bytes >= bounds.DeltaBytes;

    /// <summary>With nobody there nothing is gathered: whoever comes asks for all there is.</summary>
    private bool IsIdle => IsEmpty && !isHeard();

    public void Joined(PresenceEntry entry)
    {
        if (IsIdle)
        {
            Announced = entry.Sequence;
            return;
        }

        _delta.Add(entry.Sequence, entry);
        Grow(1, entry);
    }

    /// <summary>An entry ended for good.</summary>
    public void Ended(PresenceEntry entry)
    {
        // A version that nobody outside saw is not sent, except as the last words of an entry that they did see.
        if (_delta.TakeUnsent(entry.Sequence, out _) && entry.Born <= Announced)
        {
            _delta.AddFinal(entry.Sequence, entry);
        }
    }

    /// <summary>A version gave way to a newer one.</summary>
    public void Superseded(PresenceEntry entry) => _delta.TakeUnsent(entry.Sequence, out _);

    /// <summary>The removal of versions that <see cref="Ended"/> or <see cref="Superseded"/> named before.</summary>
    public void Removed(Removal removal)
    {
        if (IsIdle)
        {
            Announced = removal.Tick;
            return;
        }

        _delta.Remove(removal);
        Grow(1 + removal.Removed.Length, null);
    }

    /// <summary>For the simulation alone: see <see cref="ShardDefect.RemovalWithoutTick"/>.</summary>
    public void RemovedWithoutTick(Removal removal)
    {
        foreach (var dead in removal.Removed.Span)
        {
            _delta.Kill(new Interval(dead, dead));
        }

        Grow(removal.Removed.Length, null);
    }

    /// <summary>What was gathered; the outbox is empty afterwards.</summary>
    /// <param name="now">The time.</param>
    /// <param name="counter">The last own sequence number.</param>
    public ReplicaDots<PresenceEntry> Take(TimeSpan now, ulong counter)
    {
        Announced = counter;
        var delta = _delta;
        _delta = new();
        _dots = _bytes = 0;
        _lastSent = now;
        return delta;
    }

    private void Grow(int dots, PresenceEntry? entry)
    {
        _dots += dots;
        _bytes += entry is null ? 16 : entry.Meta.Length + entry.Key.Length + entry.Topic.Length + 16;
    }
}
