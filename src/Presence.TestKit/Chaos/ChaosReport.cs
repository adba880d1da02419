using Presence.Tracker.Shard;

namespace Presence.TestKit.Chaos;

/// <summary>The result of one <see cref="ClusterChaosRun"/>.</summary>
internal sealed class ChaosReport
{
    internal ChaosReport(SimulatedCluster cluster, int operations, IReadOnlyList<int> faults)
    {
        Seed = cluster.Seed;
        Operations = operations;
        Nodes = cluster.AllStarts.Count;
        Duration = cluster.Now;
        FaultsByKind = Enum.GetValues<FaultKind>().ToDictionary(kind => kind, kind => faults[(int)kind]);
        FramesLost = cluster.Network.LostFrames;
        FramesBlocked = cluster.Network.Blocked;
        FramesDuplicated = cluster.Network.Duplicated;
        FramesHeldBack = cluster.Network.HeldBack;
        FramesSent = cluster.Network.Sent;
        Transitions = cluster.Transitions;
        Violations = cluster.Violations;
    }

    public ulong Seed { get; }

    public int Operations { get; }

    /// <summary>Gets the number of node starts.</summary>
    public int Nodes { get; }

    public TimeSpan Duration { get; }

    public IReadOnlyDictionary<FaultKind, int> FaultsByKind { get; }

    public int Faults => FaultsByKind.Values.Sum();

    public long FramesSent { get; }

    /// <summary>Gets the number of frames lost at random.</summary>
    public long FramesLost { get; }

    /// <summary>Gets the number of frames lost in partitions.</summary>
    public long FramesBlocked { get; }

    public long FramesDuplicated { get; }

    /// <summary>Gets the number of frames with an extra delay.</summary>
    public long FramesHeldBack { get; }

    public IReadOnlyDictionary<ReplicaEventKind, long> Transitions { get; }

    /// <summary>Gets the violations; empty on success.</summary>
    public IReadOnlyList<Violation> Violations { get; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"seed {Seed}: {Operations} operations, {Faults} faults, {Violations.Count} violations "
        + $"in {Duration.TotalSeconds:F1} s"
        + string.Concat(Violations.Select(violation => Environment.NewLine + "  " + violation));
}
