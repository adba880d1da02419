using Presence.TestKit.Chaos;

namespace Presence.TestKit.Tests;

public sealed class ClusterChaosRunTests
{
    [Fact]
    public void Chaos_run_has_every_fault_and_enough_calls_and_reports_them()
    {
        var report = ClusterChaosRun.Run(1);
        Assert.Empty(report.Violations);
        Assert.All(report.FaultsByKind, fault => Assert.True(fault.Value > 0, fault.Key.ToString()));
        Assert.True(report.Operations >= ClusterChaosRun.MinOperations);
        Assert.True(report.Nodes >= 4);
        Assert.True(report.FramesLost > 0 && report.FramesBlocked > 0);
        Assert.True(report.FramesDuplicated > 0 && report.FramesHeldBack > 0);
        Assert.Contains("seed 1: ", report.ToString(), StringComparison.Ordinal);
    }
}
