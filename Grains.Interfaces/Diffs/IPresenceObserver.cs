using Orleans;

namespace Presence.Grains;

/// <summary>Receives the changes of a topic after <see cref="ITopicPresenceGrain.Subscribe"/>.</summary>
/// <remarks>
/// Calls arrive one at a time, in order. A call that fails or takes longer than <c>ObserverTimeout</c>, or more
/// than <c>ObserverQueueCapacity</c> changes that wait, ends the subscription: its next renewal returns false.
/// </remarks>
[Alias("Presence.Grains.IPresenceObserver")]
public interface IPresenceObserver : IGrainObserver
{
    /// <summary>Receives the changes since the subscription's snapshot or the previous call.</summary>
    [Alias("OnChanges")]
    Task OnChanges(TopicChanges changes);
}

/// <summary>A subscription: the topic's snapshot, and the data to renew or end it.</summary>
/// <param name="Silo">Address of the silo that keeps it: key of its <see cref="IPresenceSiloGrain"/>.</param>
/// <param name="Id">Id of the subscription on that silo.</param>
/// <param name="SubscriptionTimeout">Time until it ends without a renewal. Renew after a third of it.</param>
/// <param name="Snapshot">The topic when the subscription began. The first change has sequence 1.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.subscription")]
public sealed record PresenceSubscription(
    [property: Id(0)] string Silo,
    [property: Id(1)] string Id,
    [property: Id(2)] TimeSpan SubscriptionTimeout,
    [property: Id(3)] TopicList Snapshot);
