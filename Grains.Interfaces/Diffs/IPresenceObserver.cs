using Orleans;

namespace Presence.Grains;

/// <summary>Hears the changes of topics it was subscribed to with <see cref="ITopicPresenceGrain.Subscribe"/>.</summary>
/// <remarks>
/// One call at a time per subscription, in order. An observer that takes longer than the silo's
/// <c>ObserverTimeout</c> for one call, fails a call, or lags by more than <c>ObserverBacklog</c> changes is cut off:
/// its next renewal returns false.
/// </remarks>
[Alias("Presence.Grains.IPresenceObserver")]
public interface IPresenceObserver : IGrainObserver
{
    /// <summary>Changes since the snapshot of the subscription or since the call before.</summary>
    [Alias("Changed")]
    Task Changed(TopicChanges changes);
}

/// <summary>A subscription: the topic as it was, and what is needed to keep or end it.</summary>
/// <param name="Silo">Address of the silo that keeps it: key of its <see cref="IPresenceLeaseGrain"/>.</param>
/// <param name="Id">Names the subscription on that silo.</param>
/// <param name="Duration">It ends when it is not renewed for this long. Renew after a third of it.</param>
/// <param name="Snapshot">The topic when the subscription began; the first change has sequence 1.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.subscription")]
public sealed record PresenceSubscription(
    [property: Id(0)] string Silo,
    [property: Id(1)] string Id,
    [property: Id(2)] TimeSpan Duration,
    [property: Id(3)] TopicList Snapshot);
