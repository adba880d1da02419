using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Presence.Grains.Placement;

namespace Presence.Grains.Diffs;

/// <summary>See <see cref="IPresenceHomeGrain"/>. Holds nothing: the feeds are in its silo's <see cref="DiffStreams"/>.</summary>
[GrainType("presence-home")]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[Reentrant]
internal sealed class PresenceHomeGrain(DiffStreams streams) : Grain, IPresenceHomeGrain
{
    public Task<TopicPosition> Position(string topic) => Task.FromResult(streams.Position(topic));

    public Task<TopicChanges> CatchUp(string topic) => Task.FromResult(streams.CatchUp(topic));
}
