using Orleans.Runtime;

namespace Presence.Grains.Security;

/// <summary>Recognizes Orleans' internal grains that have the subscriptions of topics' streams.</summary>
internal static class DiffSubscriptions
{
    private const string Subscribe = "RegisterConsumer";
    private const string Prefix = PresenceStreams.Queues + "/" + PresenceStreams.DiffsNamespace + "/";

    public static GrainType Type { get; } = GrainType.Create("pubsubrendezvous");

    public static bool IsOne(GrainId grain) => grain.Type == Type
        && grain.Key.ToString()!.StartsWith(PresenceStreams.Queues + "/", StringComparison.Ordinal);

    /// <summary>Returns whether a subscriber calls this method; it gets ids of its own subscriptions only.</summary>
    public static bool IsOfConsumers(string? method) => method is Subscribe or "UnregisterConsumer";

    /// <summary>Returns the topic to which a call subscribes; null if it does not.</summary>
    public static string? SubscribedTopic(IGrainCallContext context) =>
        context.TargetId.Type == Type && context.MethodName == Subscribe
            && context.TargetId.Key.ToString() is { } key && key.StartsWith(Prefix, StringComparison.Ordinal)
                ? key[Prefix.Length..]
                : null;
}
