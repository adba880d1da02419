using Orleans;

namespace Presence.Grains;

/// <summary>Silos do not agree on the publisher silo of a topic, or streams are turned off. Retry soon.</summary>
[GenerateSerializer]
[Alias("presence.topic-publisher-moved")]
public sealed class TopicPublisherMovedException : InvalidOperationException
{
    /// <summary>Creates the exception with a message that names the topic.</summary>
    public TopicPublisherMovedException(string message)
        : base(message)
    {
    }
}
