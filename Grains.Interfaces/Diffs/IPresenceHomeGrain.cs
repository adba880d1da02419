using Orleans;

namespace Presence.Grains;

/// <summary>A silo as the home of topics. Key: the silo's address. Meant for the engine, not for applications.</summary>
/// <remarks>Lives on that silo and nowhere else, as <see cref="IPresenceLeaseGrain"/> does.</remarks>
[Alias("Presence.Grains.IPresenceHomeGrain")]
public interface IPresenceHomeGrain : IGrainWithStringKey
{
    /// <summary>See <see cref="ITopicPresenceGrain.Position"/>, which comes here.</summary>
    /// <exception cref="TopicHomeMovedException">This silo is not the topic's home, or not any more.</exception>
    [Alias("Position")]
    Task<TopicPosition> Position(string topic);

    /// <summary>See <see cref="ITopicPresenceGrain.CatchUp"/>, which comes here.</summary>
    /// <exception cref="TopicHomeMovedException">This silo is not the topic's home, or not any more.</exception>
    [Alias("CatchUp")]
    Task<TopicChanges> CatchUp(string topic);
}
