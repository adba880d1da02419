using Orleans;
using Orleans.Runtime;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Changes of one topic in the order in which the publishing silo showed them.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Node">Name of the publishing member.</param>
/// <param name="Sequence">
/// Counts from 1 without gaps: per subscription for an observer, per time as home of the topic for the stream. A number
/// that does not follow its predecessor from the same publisher means that something was missed: list again.
/// </param>
/// <param name="IsReset">
/// Forget what was known of the topic: <paramref name="Changes"/> joins everybody who is present. A stream begins so when
/// its publisher changes.
/// </param>
/// <param name="Changes">Applied in order.</param>
/// <param name="Silo">Address of the publishing silo.</param>
/// <param name="Term">
/// On a stream: grows whenever the topic's events begin anew, on this silo or another. What bears a lower term than what was
/// seen already is late and void. For an observer: 0.
/// </param>
/// <param name="Known">With a reset: how much of each member the publisher knew, at least. Else null.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.topic-changes")]
public sealed record TopicChanges(
    [property: Id(0)] string Topic,
    [property: Id(1)] string Node,
    [property: Id(2)] long Sequence,
    [property: Id(3)] bool IsReset,
    [property: Id(4)] IReadOnlyList<PresenceChange> Changes,
    [property: Id(5)] string Silo = "",
    [property: Id(6)] long Term = 0,
    [property: Id(7)] IReadOnlyList<KnownReplica>? Known = null);

/// <summary>How far the stream of a topic has come.</summary>
/// <param name="Silo">Address of the topic's home silo.</param>
/// <param name="Term">See <see cref="TopicChanges.Term"/>.</param>
/// <param name="Sequence">The last event that the stream has taken.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.topic-position")]
public sealed record TopicPosition(
    [property: Id(0)] string Silo,
    [property: Id(1)] long Term,
    [property: Id(2)] long Sequence);

/// <summary>The Orleans streams of presence changes.</summary>
public static class PresenceStreams
{
    /// <summary>Name of the stream provider that <c>AddPresence</c> sets up.</summary>
    public const string Provider = "presence";

    /// <summary>Name of the provider behind it, which has the queues.</summary>
    internal const string Queues = "presence.queues";

    /// <summary>Namespace of the streams that tell the changes of a topic; the key is the topic.</summary>
    public const string DiffsNamespace = "presence.diffs";

    /// <summary>The stream of a topic: its events are <see cref="TopicChanges"/>.</summary>
    public static StreamId Diffs(string topic) => StreamId.Create(DiffsNamespace, topic);
}
