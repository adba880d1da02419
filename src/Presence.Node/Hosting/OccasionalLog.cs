namespace Presence.Node;

/// <summary>Lets one line a minute and kind into the log, so that a flood of bad input is no flood of lines.</summary>
internal sealed class OccasionalLog(TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Last, long Times)> _kinds = new(StringComparer.Ordinal);

    /// <summary>Notes that something happened once more.</summary>
    /// <param name="kind">One of a fixed few, never a text from outside.</param>
    /// <param name="times">How often it has happened since the last line, this time included.</param>
    /// <returns>Whether a line is due.</returns>
    public bool IsDue(string kind, out long times)
    {
        lock (_gate)
        {
            var isKnown = _kinds.TryGetValue(kind, out var state);
            times = state.Times + 1;
            var isDue = !isKnown || time.GetElapsedTime(state.Last) >= Interval;
            _kinds[kind] = isDue ? (time.GetTimestamp(), 0) : (state.Last, times);
            return isDue;
        }
    }
}
