namespace Presence.Tracker.Tests.Simulation;

/// <summary>A mistake inside of the shard, which no rewriting of what goes in and out can make.</summary>
internal sealed class PlantedDefect(ShardDefect defect) : ShardSeam
{
    public override void Created(TrackerShard shard) => shard.Plant(defect);
}
