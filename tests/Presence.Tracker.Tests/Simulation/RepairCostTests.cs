using System.Globalization;
using Presence.TestKit.Seam;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Bounds the time and the bytes of a repair that needs many requests, in a simulated cluster.</summary>
[Trait("Category", "Simulation")]
public sealed class RepairCostTests
{
    private const int Presences = 2000;
    private const int Updated = 200;
    private const int ValuesPerResponse = 200;

    [Theory]
    [InlineData(1000, "updates in the removal log")]
    [InlineData(50, "updates beyond the removal log")]
    public void Late_joiner_costs_little_more_after_updates_than_without(int logCapacity, string what)
    {
        var pristine = Join(logCapacity, updated: 0);
        var churned = Join(logCapacity, Updated);
        Assert.True(
            churned.Time <= pristine.Time * 1.5 && churned.Bytes <= pristine.Bytes * 1.2,
            $"{what}: {churned.Time.TotalMilliseconds} ms and {churned.Bytes} B; without updates "
            + $"{pristine.Time.TotalMilliseconds} ms and {pristine.Bytes} B");
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(50)]
    public void Lagging_node_sees_updates_as_updates_although_parts_of_the_repair_overtake_each_other(int logCapacity)
    {
        var cluster = Cluster(logCapacity, new RepairBytes());
        var (owner, session) = Start(cluster);
        var lagging = cluster.Start("b");
        Assert.True(cluster.RunUntil(() => IsComplete(lagging, updated: 0), TimeSpan.FromSeconds(10)));

        cluster.Network.Cut("a", "b");
        Update(owner, session, Updated);
        cluster.Run(TimeSpan.FromMilliseconds(500));
        cluster.Network.SetDefault(LinkConditions.Good with { Reordering = 0.5 });
        cluster.Network.Restore("a", "b");

        // A heartbeat must arrive and two requests must be answered, each within the extra delay of a frame.
        Assert.True(cluster.RunUntil(() => IsComplete(lagging, Updated), TimeSpan.FromMilliseconds(1200)));
        cluster.Settle();
    }

    private static (TimeSpan Time, long Bytes) Join(int logCapacity, int updated)
    {
        var repairs = new RepairBytes();
        var cluster = Cluster(logCapacity, repairs);
        var (owner, session) = Start(cluster);
        Update(owner, session, updated);
        cluster.Run(TimeSpan.FromSeconds(1));

        var begun = cluster.Now;
        var joiner = cluster.Start("b");
        Assert.True(cluster.RunUntil(() => IsComplete(joiner, updated), TimeSpan.FromMinutes(1)));
        var time = cluster.Now - begun;
        cluster.Settle();
        return (time, repairs.Total);
    }

    private static SimulatedCluster Cluster(int logCapacity, RepairBytes repairs)
    {
        var options = SimulatedClusterOptions.ScaledTracker();
        options.MaxDeltaSizes = [logCapacity];
        return new SimulatedCluster(1, new SimulatedClusterOptions
        {
            Tracker = options,
            Frames = new FrameBounds { RepairValues = ValuesPerResponse, RepairBytes = 4096, RemovedIntervals = 64 },
            Seam = repairs.Count,
        });
    }

    private static (SimulatedNode Owner, ulong Session) Start(SimulatedCluster cluster)
    {
        var owner = cluster.Start("a");
        var session = owner.OpenSession();
        owner.TrackMany(session, [.. Enumerable.Range(0, Presences).Select(i => Request(i, "first version"))]);
        return (owner, session);
    }

    private static void Update(SimulatedNode owner, ulong session, int updated) => owner.UpdateMany(
        session, [.. Enumerable.Range(0, updated).Select(i => Request(i * 7, "other version"))]);

    private static bool IsComplete(SimulatedNode node, int updated) =>
        node.EntryCount == Presences && node.Peers[0].Clock == Counter(updated);

    private static ulong Counter(int updated) => Presences + (2 * (ulong)updated);

    private static TrackRequest Request(int number, string text) => new(
        "t" + (number % 10).ToString(CultureInfo.InvariantCulture),
        "user-" + number.ToString(CultureInfo.InvariantCulture),
        PresenceMeta.Parse($$"""{"text":"{{text}}","number":{{number}}}"""));

    private sealed class RepairBytes
    {
        public long Total { get; private set; }

        public ShardSeam Count() => new Counted(this);

        private sealed class Counted(RepairBytes owner) : ShardSeam
        {
            public override OutgoingFrame? Sending(OutgoingFrame frame)
            {
                owner.Total += frame.Frame is RepairFrame ? ShardFrameCodec.Encode(frame.Frame).Length : 0;
                return frame;
            }
        }
    }
}
