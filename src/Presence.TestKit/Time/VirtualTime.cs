namespace Presence.TestKit;

/// <summary>The simulation's time: it jumps from one scheduled event to the next and takes none itself.</summary>
internal sealed class VirtualTime
{
    private readonly PriorityQueue<Action, (long Ticks, long Order)> _events = new();
    private long _order;

    /// <summary>Events that ran so far.</summary>
    public long Events { get; private set; }

    /// <summary>Time since the simulation began, as an observer outside of it would measure.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Runs an action at a time; actions of the same time run in the order in which they were given.</summary>
    public void At(TimeSpan time, Action action)
    {
        var ticks = Math.Max(time.Ticks, Now.Ticks);
        _events.Enqueue(action, (ticks, _order++));
    }

    public void After(TimeSpan delay, Action action) => At(Now + delay, action);

    /// <summary>Runs the next event if it is due by <paramref name="limit"/>.</summary>
    /// <returns>False when nothing is due by then; the time is then the limit.</returns>
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
