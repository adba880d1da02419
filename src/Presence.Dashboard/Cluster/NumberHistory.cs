namespace Presence.Dashboard.Cluster;

/// <summary>The numbers of a node over time: averages over 5 s, 30 s and 5 min, for 10 min, 1 h and 24 h.</summary>
internal sealed class NumberHistory
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal)
    {
        ["10m"] = new Series(TimeSpan.FromSeconds(5), 120),
        ["1h"] = new Series(TimeSpan.FromSeconds(30), 120),
        ["24h"] = new Series(TimeSpan.FromMinutes(5), 288),
    };

    public void Add(DateTimeOffset at, Point point)
    {
        lock (_gate)
        {
            foreach (var series in _series.Values)
            {
                series.Add(at, point);
            }
        }
    }

    /// <summary>Returns the points of a range, the oldest first, with their times in Unix seconds.</summary>
    /// <returns>
    /// The points and the time between two of them; a longer time means that nothing was recorded between them. Null if
    /// there is no such range.
    /// </returns>
    public (TimeSpan Step, IReadOnlyList<(long At, Point Average)> Points)? Read(string range)
    {
        lock (_gate)
        {
            return _series.TryGetValue(range, out var series) ? (series.Step, series.Points()) : null;
        }
    }

    private sealed class Series(TimeSpan step, int capacity)
    {
        private readonly List<(long At, Point Average)> _points = new(capacity + 1);
        private long _at = -1;
        private Point _sum;
        private int _count;

        public TimeSpan Step => step;

        public void Add(DateTimeOffset at, Point point)
        {
            var seconds = (long)step.TotalSeconds;
            var begin = at.ToUnixTimeSeconds() / seconds * seconds;
            if (begin != _at && _count > 0)
            {
                _points.Add((_at, _sum / _count));
                (_sum, _count) = (default, 0);

                // By time, not by number: none were recorded while the process was suspended. A clock that was set back
                // leaves no points of its future.
                _points.RemoveAll(old => old.At < begin - (capacity * seconds) || old.At >= begin);
            }

            (_at, _sum, _count) = (begin, _sum + point, _count + 1);
        }

        public List<(long At, Point Average)> Points() =>
            _count > 0 ? [.. _points, (_at, _sum / _count)] : [.. _points];
    }
}

/// <summary>The numbers of a moment.</summary>
internal readonly record struct Point(
    double Entries, double Joins, double Leaves, double Messages, double LagMs, double MemoryBytes, double Sockets)
{
    public static Point operator +(Point a, Point b) => new(
        a.Entries + b.Entries,
        a.Joins + b.Joins,
        a.Leaves + b.Leaves,
        a.Messages + b.Messages,
        a.LagMs + b.LagMs,
        a.MemoryBytes + b.MemoryBytes,
        a.Sockets + b.Sockets);

    public static Point operator /(Point sum, int count) => new(
        sum.Entries / count,
        sum.Joins / count,
        sum.Leaves / count,
        sum.Messages / count,
        sum.LagMs / count,
        sum.MemoryBytes / count,
        sum.Sockets / count);
}

/// <summary>A point of <c>/api/history</c>; <c>at</c> is in Unix seconds.</summary>
internal sealed record HistoryPoint(
    long At,
    double Entries,
    double Joins,
    double Leaves,
    double Messages,
    double LagMs,
    double MemoryBytes,
    double Sockets)
{
    public HistoryPoint(long at, Point of)
        : this(at, of.Entries, of.Joins, of.Leaves, of.Messages, of.LagMs, of.MemoryBytes, of.Sockets)
    {
    }
}
