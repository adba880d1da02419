using Orleans.Concurrency;
using Orleans.Metadata;
using Presence.Grains.Cluster;

namespace Presence.Grains.Diffs;

/// <summary>Passes the changes of a topic to this silo's observers and publisher of it. Key: the topic.</summary>
/// <remarks>A stateless worker stays on the calling silo, whose single batch in flight keeps the order.</remarks>
[Alias("Presence.Grains.IHandleDiffGrain")]
[DefaultGrainType("presence-handle-diff")]
internal interface IHandleDiffGrain : IGrainWithStringKey
{
    /// <summary>Queues the changes for each follower without waiting for any.</summary>
    [Alias("HandleDiff")]
    Task HandleDiff(TopicChanges changes);
}

/// <summary>See <see cref="IHandleDiffGrain"/>. Followers are in the <see cref="TopicChangePumps"/>.</summary>
[PresenceGrainType("presence-handle-diff")]
[StatelessWorker(1, removeIdleWorkers: false)]
internal sealed class HandleDiffGrain(TopicChangePumps pumps) : Grain, IHandleDiffGrain
{
    public Task HandleDiff(TopicChanges changes)
    {
        pumps.Find(changes.Topic)?.Deliver(changes);
        return Task.CompletedTask;
    }
}
