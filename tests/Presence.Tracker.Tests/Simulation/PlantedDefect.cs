using Presence.TestKit.Seam;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>A defect inside of the shard, which cannot be injected by rewriting its input and output.</summary>
internal sealed class PlantedDefect(ShardDefect defect) : ShardSeam
{
    public override void Created(TrackerShard shard) => shard.Plant(defect);
}
