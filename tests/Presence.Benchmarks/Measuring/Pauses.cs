using System.Diagnostics.Tracing;

namespace Presence.Benchmarks.Measuring;

/// <summary>Records the pauses of all threads for garbage collection, from runtime events.</summary>
internal sealed class Pauses : EventListener
{
    private const EventKeywords Collector = (EventKeywords)0x1;
    private const string Source = "Microsoft-Windows-DotNETRuntime";

    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly List<(DateTime Begun, DateTime Ended)> _pauses = [];
    private readonly int[] _collections = Collections();
    private readonly DateTime _begun = DateTime.UtcNow;
    private DateTime _stopping;

    /// <summary>Returns a summary of pauses and slow calls.</summary>
    /// <param name="calls">Due time and duration of each call.</param>
    public string Sum(IEnumerable<(DateTime Due, TimeSpan Took)> calls)
    {
        var ended = DateTime.UtcNow;
        var seconds = (ended - _begun).TotalSeconds;
        var counts = Collections();
        // Events arrive later, on another thread: all have arrived when that of a collection requested now has.
        GC.Collect(generation: 0);
        lock (_pauses)
        {
            while (!_pauses.Exists(pause => pause.Begun > ended) && Monitor.Wait(_pauses, Timeout))
            {
            }

            _pauses.RemoveAll(pause => pause.Begun > ended);
            var times = _pauses.Select(pause => (pause.Ended - pause.Begun).TotalMilliseconds)
                .DefaultIfEmpty().Order().ToArray();
            var slow = calls.Where(call => call.Took > Slow).ToArray();
            var met = slow.Count(
                call => _pauses.Exists(pause => pause.Begun < call.Due + call.Took && pause.Ended > call.Due));
            var collections = string.Join('/', counts.Zip(_collections, (now, then) => now - then));
            return $"# collections {collections} by generation; {_pauses.Count} pauses, " +
                $"{times.Sum() / seconds / 10:F1} % of the time, " +
                $"median {times[times.Length / 2]:F1} ms, longest {times[^1]:F1} ms; " +
                $"{slow.Length} calls above 1 ms, {met} of them in a pause";
        }
    }

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == Source)
        {
            EnableEvents(eventSource, EventLevel.Informational, Collector);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        var name = eventData.EventName ?? "";
        lock (_pauses)
        {
            if (name.StartsWith("GCSuspendEEBegin", StringComparison.Ordinal))
            {
                _stopping = eventData.TimeStamp;
            }
            else if (name.StartsWith("GCRestartEEEnd", StringComparison.Ordinal) && _stopping != default)
            {
                _pauses.Add((_stopping, eventData.TimeStamp));
                _stopping = default;
                Monitor.PulseAll(_pauses);
            }
        }
    }

    private static int[] Collections() => [.. Enumerable.Range(0, GC.MaxGeneration + 1).Select(GC.CollectionCount)];
}
