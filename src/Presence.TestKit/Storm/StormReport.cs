using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>What happened in one <see cref="ClusterStorm"/>.</summary>
internal sealed class StormReport
{
    internal StormReport(SimulatedCluster cluster, int operations, IReadOnlyList<int> faults)
    {
        Seed = cluster.Seed;
        Operations = operations;
        Members = cluster.AllStarts.Count;
        Duration = cluster.Now;
        FaultsByKind = Enum.GetValues<FaultKind>().ToDictionary(kind => kind, kind => faults[(int)kind]);
        FramesLost = cluster.Network.Lost;
        FramesBlocked = cluster.Network.Blocked;
        FramesDuplicated = cluster.Network.Duplicated;
        FramesHeldBack = cluster.Network.HeldBack;
        FramesSent = cluster.Network.Sent;
        Transitions = cluster.Transitions;
        Violations = cluster.Violations;
    }

    /// <summary>The seed.</summary>
    public ulong Seed { get; }

    /// <summary>Calls made.</summary>
    public int Operations { get; }

    /// <summary>Starts of members.</summary>
    public int Members { get; }

    /// <summary>Virtual time that passed.</summary>
    public TimeSpan Duration { get; }

    /// <summary>How often each kind of fault began.</summary>
    public IReadOnlyDictionary<FaultKind, int> FaultsByKind { get; }

    /// <summary>Faults that began.</summary>
    public int Faults => FaultsByKind.Values.Sum();

    /// <summary>Frames handed to the network.</summary>
    public long FramesSent { get; }

    /// <summary>Frames lost at random.</summary>
    public long FramesLost { get; }

    /// <summary>Frames lost in partitions.</summary>
    public long FramesBlocked { get; }

    /// <summary>Frames that arrived twice.</summary>
    public long FramesDuplicated { get; }

    /// <summary>Frames that were held back.</summary>
    public long FramesHeldBack { get; }

    /// <summary>How often each transition was reported by the members.</summary>
    public IReadOnlyDictionary<ReplicaEventKind, long> Transitions { get; }

    /// <summary>What was violated; empty when all is well.</summary>
    public IReadOnlyList<Violation> Violations { get; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"seed {Seed}: {Operations} operations, {Faults} faults, {Violations.Count} violations in {Duration.TotalSeconds:F1} s"
        + string.Concat(Violations.Select(violation => Environment.NewLine + "  " + violation));
}
