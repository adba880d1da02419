using Orleans;

namespace Presence.Grains;

/// <summary>Where the home silo of a topic hands its changes to the stream subscribers. Key: the topic.</summary>
/// <remarks>
/// A stateless worker: the call stays on the calling silo, which has one batch of a topic in flight at a time; that keeps
/// the order. Meant for the engine, not for applications.
/// </remarks>
[Alias("Presence.Grains.IHandleDiffGrain")]
public interface IHandleDiffGrain : IGrainWithStringKey
{
    /// <summary>Puts changes on the topic's stream; completes when the stream provider has taken them.</summary>
    /// <exception cref="Exception">The provider's; the caller begins the topic anew with a reset.</exception>
    [Alias("HandleDiff")]
    Task HandleDiff(TopicChanges changes);
}
