using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// A random history of a cluster: at least four members and three hundred operations, every <see cref="FaultKind"/> at least
/// once, several at a time; then the faults end and everybody must agree. All of it follows from the seed.
/// </summary>
internal static class ClusterStorm
{
    /// <summary>Operations of a storm, at least.</summary>
    public const int FewestOperations = 300;

    private const int FewestMembers = 4;

    /// <summary>Makes repairs of a few entries take several frames and several requests.</summary>
    private static readonly FrameBounds SmallFrames = new()
    {
        DeltaDots = 6,
        DeltaBytes = 400,
        RemovedDots = 2,
        RepairBytes = 150,
        RepairValues = 8,
        DeadIntervals = 16,
        ContextIntervals = 8,
    };

    /// <summary>Runs the history of a seed.</summary>
    /// <param name="seed">Any number.</param>
    /// <param name="trace">Receives one line per thing that happens; null for none.</param>
    public static StormReport Run(ulong seed, Action<string>? trace = null) => Run(seed, trace, null);

    internal static StormReport Run(ulong seed, Action<string>? trace, Func<ShardSeam>? seam)
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
        var faults = new StormFaults(cluster, random.Fork());
        var workload = new StormWorkload(cluster, random.Fork());
        for (var i = random.Between(FewestMembers, FewestMembers + 1); i > 0; i--)
        {
            faults.StartNew();
            cluster.Run(random.Between(TimeSpan.Zero, TimeSpan.FromMilliseconds(200)));
        }

        Rage(cluster, faults, workload, random);
        if (!cluster.Failed)
        {
            cluster.Calm();
        }

        return new StormReport(cluster, workload.Count, faults.Counts);
    }

    private static void Rage(SimulatedCluster cluster, StormFaults faults, StormWorkload workload, SimulationRandom random)
    {
        var waiting = new List<FaultKind>(Enum.GetValues<FaultKind>());
        random.Shuffle(waiting);
        var nextFault = Later(600, 1800);
        var nextOperation = Later(5, 60);
        while (!cluster.Failed && (waiting.Count > 0 || faults.Active > 0 || workload.Count < FewestOperations))
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
                    // Whom it could strike is away; another kind may find its victim meanwhile.
                    random.Shuffle(waiting);
                    nextFault = Later(100, 300);
                }
            }
        }

        TimeSpan Later(int least, int most) => cluster.Now + TimeSpan.FromMilliseconds(random.Between(least, most));
    }
}
