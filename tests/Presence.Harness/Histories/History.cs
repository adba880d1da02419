namespace Presence.Harness.Histories;

/// <summary>Everything that was done and seen in one run, in the order in which this process learnt of it.</summary>
/// <remarks>Safe for use by several threads.</remarks>
public sealed class History
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly List<HistoryEvent> _events = [];

    /// <summary>Since the run began.</summary>
    public TimeSpan Now => Stopwatch.GetElapsedTime(_began);

    /// <summary>A copy of all of it so far.</summary>
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

    /// <summary>A time that another process of this machine read off its <see cref="Stopwatch"/>.</summary>
    public TimeSpan At(long timestamp) => Stopwatch.GetElapsedTime(_began, timestamp);

    public void Add(HistoryEvent happened)
    {
        lock (_events)
        {
            _events.Add(happened);
        }
    }

    /// <summary>When it was first so after a moment; null if never.</summary>
    public TimeSpan? FirstAfter<T>(TimeSpan moment, Func<T, bool> which)
        where T : HistoryEvent
    {
        lock (_events)
        {
            return _events.OfType<T>().FirstOrDefault(e => e.At >= moment && which(e))?.At;
        }
    }

    /// <summary>The last lines, for a failure message.</summary>
    public string Tail(int lines = 60) => string.Join(
        '\n',
        Events.TakeLast(lines).Select(e => e switch
        {
            SawState s => $"{s.At:ss\\.fff} {s.Observer} saw state of {s.Topic}: {string.Join(' ', s.Everybody.Select(Brief))}",
            SawDiff d => $"{d.At:ss\\.fff} {d.Observer} saw in {d.Topic}: {string.Join(' ', d.Joins.Select(j => "+" + Brief(j)))} "
                + string.Join(' ', d.Leaves.Select(l => "-" + Brief(l))),
            _ => $"{e.At:ss\\.fff} {e}",
        }));

    private static string Brief(Shown shown) => $"{shown.Presence}v{shown.Version}({shown.Ref})";
}
