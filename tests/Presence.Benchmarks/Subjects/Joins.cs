using System.Collections.Concurrent;

namespace Presence.Benchmarks.Subjects;

/// <summary>Records when the join of a key was received.</summary>
internal sealed class Joins : IPresenceHandler
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<long>> _expected = new();

    /// <summary>Returns the milliseconds from each track call to the arrival of its join.</summary>
    /// <param name="effort">Number of counted changes.</param>
    /// <param name="from">Tracker of the changes.</param>
    /// <param name="warmUp">Number of uncounted changes before them.</param>
    public async Task<IReadOnlyList<double>> MeasureAsync(Effort effort, IPresenceNode from, int warmUp = 0)
    {
        var session = from.OpenSession();
        var phase = new Random(5);
        var times = new List<double>();
        for (var i = -warmUp; i < effort.Latencies; i++)
        {
            // Some changes follow a pause and are sent at once, others wait for the batch delay.
            await Task.Delay(phase.Next(60));
            var time = await TimeAsync(from, session, i);
            if (i >= 0)
            {
                times.Add(time);
            }
        }

        return times;
    }

    /// <summary>Tracks one presence and returns the milliseconds to the arrival of its join.</summary>
    public async Task<double> TimeAsync(IPresenceNode from, PresenceSession session, int i)
    {
        var arrived = _expected.GetOrAdd(
            People.Key(i), _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        var begun = Stopwatch.GetTimestamp();
        await from.Tracker.TrackAsync(session, "lobby", People.Key(i), People.Meta(i));
        var end = await arrived.WaitAsync(TimeSpan.FromSeconds(30));
        return Stopwatch.GetElapsedTime(begun, end).TotalMilliseconds;
    }

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation) =>
        OnChangesAsync(diff.Topics.SelectMany(topic => topic.Changes));

    public ValueTask OnChangesAsync(IEnumerable<PresenceChange> changes)
    {
        var now = Stopwatch.GetTimestamp();
        foreach (var change in changes)
        {
            if (_expected.TryRemove(change.Entry.Key, out var waiting))
            {
                waiting.SetResult(now);
            }
        }

        return default;
    }
}
