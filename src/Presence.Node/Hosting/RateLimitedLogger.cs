namespace Presence.Node.Hosting;

/// <summary>Limits log lines per minute and kind, so that a flood of bad input does not flood the log.</summary>
/// <param name="time">The clock.</param>
/// <param name="burst">The lines of a kind per minute.</param>
internal sealed class RateLimitedLogger(TimeProvider time, int burst = 1)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Begin, int Logged, long Count)> _kinds = new(StringComparer.Ordinal);

    /// <summary>Counts an occurrence and returns whether to log it.</summary>
    /// <param name="kind">One of a fixed set, never text from outside.</param>
    /// <param name="count">Occurrences since the last line, including this one.</param>
    public bool IsDue(string kind, out long count)
    {
        lock (_gate)
        {
            var isKnown = _kinds.TryGetValue(kind, out var state);
            count = state.Count + 1;
            if (!isKnown || time.GetElapsedTime(state.Begin) >= Interval)
            {
                _kinds[kind] = (time.GetTimestamp(), 1, 0);
                return true;
            }

            var isDue = state.Logged < burst;
            _kinds[kind] = isDue ? (state.Begin, state.Logged + 1, 0) : (state.Begin, state.Logged, count);
            return isDue;
        }
    }
}
