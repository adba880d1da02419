using System.Text;
using Presence.TestKit.Chaos;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Sums the reports of many runs. Thread-safe.</summary>
internal sealed class ChaosTally
{
    /// <summary>Minimum number of each transition per hundred seeds, so that runs are demanding enough.</summary>
    private static readonly Dictionary<ReplicaEventKind, int> MinimumPerHundredSeeds = new()
    {
        [ReplicaEventKind.Up] = 1000,
        [ReplicaEventKind.Recovering] = 100,
        [ReplicaEventKind.Recovered] = 100,
        [ReplicaEventKind.Down] = 200,
        [ReplicaEventKind.PermDown] = 50,
        [ReplicaEventKind.Replaced] = 100,
        [ReplicaEventKind.Stopped] = 100,
        [ReplicaEventKind.Dead] = 50,
        [ReplicaEventKind.Ignored] = 20,
        [ReplicaEventKind.Restarted] = 50,
        [ReplicaEventKind.NameConflict] = 20,
        [ReplicaEventKind.RepairRequested] = 1000,
        [ReplicaEventKind.RepairSent] = 1000,
    };

    private readonly Lock _lock = new();
    private readonly SortedDictionary<ReplicaEventKind, long> _transitions = [];
    private readonly SortedDictionary<FaultKind, long> _faults = [];
    private int _seeds;
    private int _incompleteSeeds;
    private int _smallSeeds;
    private long _operations;
    private long _frames;
    private long _disturbed;
    private long _violations;

    public void Add(ChaosReport report)
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
                _incompleteSeeds += report.FaultsByKind.Values.Any(count => count == 0) ? 1 : 0;
                _smallSeeds += report.Operations < ClusterChaosRun.MinOperations ? 1 : 0;
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
        Assert.Equal(0, _incompleteSeeds);
        Assert.Equal(0, _smallSeeds);
        var tooRare = MinimumPerHundredSeeds
            .Where(min => _transitions.GetValueOrDefault(min.Key) < (long)min.Value * _seeds / 100)
            .Select(min => $"{min.Key} {_transitions.GetValueOrDefault(min.Key)} < {(long)min.Value * _seeds / 100}")
            .ToList();
        Assert.True(tooRare.Count == 0, "Transitions that occurred too rarely: " + string.Join("; ", tooRare));
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine($"operations {_operations}, frames {_frames}, disturbed {_disturbed}");
        text.AppendLine("faults: " + string.Join(", ", _faults.Select(fault => $"{fault.Key} {fault.Value}")));
        text.AppendLine("transitions: " + string.Join(
            ", ", _transitions.Select(count => $"{count.Key} {count.Value}")));
        text.Append($"seeds {_seeds}, faults {_faults.Values.Sum()}, violations {_violations}");
        return text.ToString();
    }
}
