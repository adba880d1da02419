namespace Presence.Harness.Histories;

/// <summary>Records all actions and observations of one run, in the order in which they were received.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class History
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly List<HistoryEvent> _events = [];

    /// <summary>Gets the time since the start of the run.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(_began);

    /// <summary>Gets a copy of all events so far.</summary>
    public IReadOnlyList<HistoryEvent> Events
    {
        get
        {
            lock (_events)
            {
                return [.. _events];
            }
        }
    }

    /// <summary>Converts a time that another process of this machine read from its <see cref="Stopwatch"/>.</summary>
    public TimeSpan At(long timestamp) => Stopwatch.GetElapsedTime(_began, timestamp);

    public void Add(HistoryEvent happened)
    {
        lock (_events)
        {
            _events.Add(happened);
        }
    }

    /// <summary>Returns when the condition first held after a time; null if never.</summary>
    public TimeSpan? FirstAfter<T>(TimeSpan moment, Func<T, bool> which)
        where T : HistoryEvent
    {
        lock (_events)
        {
            return _events.OfType<T>().FirstOrDefault(e => e.At >= moment && which(e))?.At;
        }
    }

    /// <summary>Returns the last events, for a failure message.</summary>
    public string Tail(int lines = 60) => string.Join(
        '\n',
        Events.TakeLast(lines).Select(e => e switch
        {
            SawState s =>
                $"{s.At:ss\\.fff} {s.Observer} saw state of {s.Topic}: {string.Join(' ', s.Presences.Select(Brief))}",
            SawDiff d => $"{d.At:ss\\.fff} {d.Observer} saw in {d.Topic}: "
                + $"{string.Join(' ', d.Joins.Select(j => "+" + Brief(j)))} "
                + string.Join(' ', d.Leaves.Select(l => "-" + Brief(l))),
            _ => $"{e.At:ss\\.fff} {e}",
        }));

    private static string Brief(Shown shown) => $"{shown.Presence}v{shown.Version}({shown.Ref})";
}
