using Orleans;

namespace Presence.Grains;

/// <summary>
/// Two silos do not agree yet which of them is the home of a topic, or streams are turned off. Ask again in a moment.
/// </summary>
[GenerateSerializer]
[Alias("presence.topic-home-moved")]
public sealed class TopicHomeMovedException : InvalidOperationException
{
    /// <summary>Says which topic.</summary>
    public TopicHomeMovedException(string message)
        : base(message)
    {
    }
}
