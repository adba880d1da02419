using System.Text;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Adds up what happened in many storms. Safe for use by several threads.</summary>
internal sealed class StormTally
{
    /// <summary>How often each transition must be reported for every hundred seeds, or the storms are too tame.</summary>
    private static readonly Dictionary<ReplicaEventKind, int> MinimumPerHundredSeeds = new()
    {
        [ReplicaEventKind.Up] = 1000,
        [ReplicaEventKind.Healing] = 100,
        [ReplicaEventKind.Healed] = 100,
        [ReplicaEventKind.Down] = 200,
        [ReplicaEventKind.PermDown] = 50,
        [ReplicaEventKind.Replaced] = 100,
        [ReplicaEventKind.Stopped] = 100,
        [ReplicaEventKind.Dead] = 50,
        [ReplicaEventKind.Ignored] = 20,
        [ReplicaEventKind.Restarted] = 50,
        [ReplicaEventKind.NameConflict] = 20,
        [ReplicaEventKind.Refused] = 50,
        [ReplicaEventKind.RepairRequested] = 1000,
        [ReplicaEventKind.RepairSent] = 1000,
    };

    private readonly Lock _lock = new();
    private readonly SortedDictionary<ReplicaEventKind, long> _transitions = [];
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private int _seeds;
    private int _calmSeeds;
    private int _smallSeeds;
    private long _operations;
    private long _frames;
    private long _disturbed;
    private long _violations;

    public void Add(StormReport report)
    {
        lock (_lock)
        {
            _seeds++;
            _operations += report.Operations;
            _frames += report.FramesSent;
            _disturbed += report.FramesLost + report.FramesBlocked + report.FramesDuplicated + report.FramesHeldBack;
            _violations += report.Violations.Count;
            if (report.Violations.Count == 0)
            {
                _calmSeeds += report.FaultsByKind.Values.Any(count => count == 0) ? 1 : 0;
                _smallSeeds += report.Operations < ClusterStorm.FewestOperations ? 1 : 0;
            }

            foreach (var (kind, count) in report.Transitions)
            {
                _transitions[kind] = _transitions.GetValueOrDefault(kind) + count;
            }

            foreach (var (kind, count) in report.FaultsByKind)
            {
                _faults[kind] = _faults.GetValueOrDefault(kind) + count;
            }
        }
    }

    public void AssertMinimums()
    {
        Assert.Equal(0, _calmSeeds);
        Assert.Equal(0, _smallSeeds);
        var tooFew = MinimumPerHundredSeeds
            .Where(least => _transitions.GetValueOrDefault(least.Key) < (long)least.Value * _seeds / 100)
            .Select(least => $"{least.Key}: {_transitions.GetValueOrDefault(least.Key)}, at least {(long)least.Value * _seeds / 100}")
            .ToList();
        Assert.True(tooFew.Count == 0, "Transitions taken too rarely: " + string.Join("; ", tooFew));
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine($"operations {_operations}, frames {_frames}, of them disturbed {_disturbed}");
        text.AppendLine("faults: " + string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value}")));
        text.AppendLine("transitions: " + string.Join(", ", _transitions.Select(taken => $"{taken.Key} {taken.Value}")));
        text.Append($"seeds {_seeds}, faults {_faults.Values.Sum()}, violations {_violations}");
        return text.ToString();
    }
}
