using Presence.TestKit.Seam;
using Presence.TestKit.Time;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Chaos;

/// <summary>
/// A random cluster history, determined by the seed: at least four nodes, 300 operations and every
/// <see cref="FaultKind"/>, several at a time. Then the faults end and all nodes must agree.
/// </summary>
internal static class ClusterChaosRun
{
    /// <summary>Minimum number of operations of a run.</summary>
    public const int MinOperations = 300;

    private const int MinNodes = 4;

    /// <summary>Makes repairs of a few entries need several frames and requests.</summary>
    private static readonly FrameBounds SmallFrames = new()
    {
        DeltaDots = 6,
        DeltaBytes = 400,
        RemovedDots = 2,
        RepairBytes = 150,
        RepairValues = 8,
        RemovedIntervals = 2,
        ContextIntervals = 8,
    };

    /// <summary>Runs the history of a seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="trace">Receives one line per event; null for none.</param>
    public static ChaosReport Run(ulong seed, Action<string>? trace = null) => Run(seed, trace, null);

    internal static ChaosReport Run(ulong seed, Action<string>? trace, Func<ShardSeam>? seam)
    {
        var random = new SimulationRandom(seed ^ 0x5354_4F52_4D00_0000);
        var cluster = new SimulatedCluster(seed, new SimulatedClusterOptions
        {
            Trace = trace,
            Seam = seam,
            JoinHints = random.Pick([0, 0.5, 1.0]),
            Frames = random.Chance(0.3) ? SmallFrames : FrameBounds.Production,
            GoneHints = random.Pick([0, 0.3, 0.8]),
        });
        var faults = new ChaosFaults(cluster, random.Fork());
        var workload = new ChaosWorkload(cluster, random.Fork());
        for (var i = random.Between(MinNodes, MinNodes + 1); i > 0; i--)
        {
            faults.StartNew();
            cluster.Run(random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(200)));
        }

        RunFaults(cluster, faults, workload, random);
        if (!cluster.Failed)
        {
            cluster.EndFaults();
        }

        return new ChaosReport(cluster, workload.Count, faults.Counts);
    }

    private static void RunFaults(
        SimulatedCluster cluster, ChaosFaults faults, ChaosWorkload workload, SimulationRandom random)
    {
        var waiting = new List<FaultKind>(Enum.GetValues<FaultKind>());
        random.Shuffle(waiting);
        var nextFault = Later(600, 1800);
        var nextOperation = Later(5, 60);
        while (!cluster.Failed && (waiting.Count > 0 || faults.Active > 0 || workload.Count < MinOperations))
        {
            var next = nextFault < nextOperation ? nextFault : nextOperation;
            cluster.Run(next - cluster.Now);
            if (cluster.Failed)
            {
                return;
            }

            if (next == nextOperation)
            {
                workload.Next();
                nextOperation = Later(10, 160);
            }

            if (next == nextFault)
            {
                if (waiting.Count > 0 && faults.Begin(waiting[0]))
                {
                    waiting.RemoveAt(0);
                    nextFault = Later(300, 1800);
                }
                else
                {
                    // No node is eligible now; try another kind.
                    random.Shuffle(waiting);
                    nextFault = Later(100, 300);
                }
            }
        }

        TimeSpan Later(int min, int max) => cluster.Now + TimeSpan.FromMilliseconds(random.Between(min, max));
    }
}
