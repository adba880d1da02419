using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>The failure detector at the limits of its options.</summary>
[Trait("Category", "Simulation")]
public sealed class DownPeriodTests
{
    public static TheoryData<int, int, int, int> Combinations => new()
    {
        { 1500, 3000, 1000, 10 },
        { 1500, 3000, 1500, 1 },
        { 1500, 3700, 1000, 10 },
        { 1500, 5000, 1250, 10 },
        { 100, 200, 100, 4 },
    };

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Idle_healthy_nodes_stay_up(int broadcast, int down, int probeTimeout, int silentPeriods)
    {
        var cluster = Cluster(1, broadcast, down, probeTimeout, silentPeriods);
        foreach (var name in new[] { "a", "b", "c" })
        {
            cluster.Start(name);
        }

        cluster.Run(TimeSpan.FromMinutes(40));
        cluster.ThrowIfViolated();
        Assert.Equal(0, cluster.Transitions.GetValueOrDefault(ReplicaEventKind.Down));
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Dead_node_is_down_one_broadcast_period_after_the_down_period(
        int broadcast, int down, int probeTimeout, int silentPeriods)
    {
        for (var seed = 1UL; seed <= 40; seed++)
        {
            var cluster = Cluster(seed, broadcast, down, probeTimeout, silentPeriods);
            var (survivor, dead) = (cluster.Start("a"), cluster.Start("b"));
            cluster.Run(TimeSpan.FromMilliseconds((broadcast * 20) + ((double)seed * broadcast / 7)));
            dead.Crash();
            var crashed = cluster.Now;
            Assert.True(cluster.RunUntil(() => survivor.Peers is [{ IsUp: false }], TimeSpan.FromMinutes(5)));
            var silence = cluster.Now - crashed;
            Assert.True(silence.TotalMilliseconds <= down + broadcast + 20, $"seed {seed}: down after {silence}");
        }
    }

    private static SimulatedCluster Cluster(ulong seed, int broadcast, int down, int probeTimeout, int silentPeriods) =>
        new(seed, new SimulatedClusterOptions
        {
            Tracker = new TrackerOptions
            {
                BroadcastPeriod = TimeSpan.FromMilliseconds(broadcast),
                DownPeriod = TimeSpan.FromMilliseconds(down),
                MaxSilentPeriods = silentPeriods,
            },
            ProbeTimeout = TimeSpan.FromMilliseconds(probeTimeout),
        });
}
