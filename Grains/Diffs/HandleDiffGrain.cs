using Orleans.Concurrency;
using Orleans.Metadata;
using Presence.Grains.Cluster;

namespace Presence.Grains.Diffs;

/// <summary>Fans the changes of a topic out on one silo: to its observers there, and to its stream. Key: the topic.</summary>
/// <remarks>
/// A stateless worker: the call stays on the calling silo, which has one batch of a topic in flight at a time; that keeps the order.
/// </remarks>
[Alias("Presence.Grains.IHandleDiffGrain")]
[DefaultGrainType("presence-handle-diff")]
internal interface IHandleDiffGrain : IGrainWithStringKey
{
    /// <summary>Queues the changes for each follower. Does not wait for any of them.</summary>
    [Alias("HandleDiff")]
    Task HandleDiff(TopicChanges changes);
}

/// <summary>See <see cref="IHandleDiffGrain"/>. Holds nothing: the followers are in its silo's <see cref="TopicFeeds"/>.</summary>
[PresenceGrainType("presence-handle-diff")]
[StatelessWorker(1)]
internal sealed class HandleDiffGrain(TopicFeeds feeds) : Grain, IHandleDiffGrain
{
    public Task HandleDiff(TopicChanges changes)
    {
        feeds.Deliver(changes);
        return Task.CompletedTask;
    }
}
