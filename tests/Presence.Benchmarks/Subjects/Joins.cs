using System.Collections.Concurrent;

namespace Presence.Benchmarks.Subjects;

/// <summary>Tells when a key was seen joining.</summary>
internal sealed class Joins : IPresenceHandler
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<long>> _expected = new();

    /// <summary>Milliseconds from each call of track to the arrival of the join.</summary>
    /// <param name="effort">How many are counted.</param>
    /// <param name="from">Where they are tracked.</param>
    /// <param name="warmUp">How many come before, uncounted.</param>
    public async Task<IReadOnlyList<double>> MeasureAsync(Effort effort, IPresenceNode from, int warmUp = 0)
    {
        var process = from.StartProcess();
        var phase = new Random(5);
        var times = new List<double>();
        for (var i = -warmUp; i < effort.Latencies; i++)
        {
            // Some changes follow a quiet time and leave at once, others fall into the time of gathering.
            await Task.Delay(phase.Next(60));
            var arrived = _expected.GetOrAdd(
                People.Key(i), _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            var begun = Stopwatch.GetTimestamp();
            await from.Tracker.TrackAsync(process, "lobby", People.Key(i), People.Meta(i));
            var end = await arrived.WaitAsync(TimeSpan.FromSeconds(30));
            if (i >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(begun, end).TotalMilliseconds);
            }
        }

        return times;
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
