namespace Presence.TestKit.Time;

/// <summary>The time of a simulation, which jumps from one scheduled event to the next.</summary>
internal sealed class VirtualTime
{
    private readonly PriorityQueue<Action, (long Ticks, long Order)> _events = new();
    private long _order;

    public long Events { get; private set; }

    /// <summary>Gets the time since the simulation started.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Schedules an action; actions of the same time run in scheduling order.</summary>
    public void At(TimeSpan time, Action action)
    {
        var ticks = Math.Max(time.Ticks, Now.Ticks);
        _events.Enqueue(action, (ticks, _order++));
    }

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    /// <summary>Runs the next event if it is due by <paramref name="limit"/>.</summary>
    /// <returns>False if no event is due by then; the time is the limit then.</returns>
    public bool Step(TimeSpan limit)
    {
        if (!_events.TryPeek(out _, out var due) || due.Ticks > limit.Ticks)
        {
            Now = limit > Now ? limit : Now;
            return false;
        }

        var action = _events.Dequeue();
        Now = TimeSpan.FromTicks(due.Ticks);
        Events++;
        action();
        return true;
    }
}
