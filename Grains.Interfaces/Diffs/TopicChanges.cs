using Orleans;
using Orleans.Runtime;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Changes of one topic, in the order in which the publishing silo applied them.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Node">Name of the publishing node.</param>
/// <param name="Sequence">
/// Counts from 1 without gaps: per subscription for an observer, per publisher term for the stream. A number that does
/// not follow its predecessor from the same publisher means that an event was lost: list again.
/// </param>
/// <param name="IsReset">
/// Whether <paramref name="Changes"/> replaces all earlier state and joins every presence. A stream begins with a reset
/// whenever its publisher changes.
/// </param>
/// <param name="Changes">The changes, to be applied in order.</param>
/// <param name="Silo">Address of the publishing silo.</param>
/// <param name="Term">
/// On a stream: grows whenever the topic's events restart, on this silo or another. Ignore events with a lower term
/// than one already received. For an observer: 0.
/// </param>
/// <param name="Known">With a reset: a lower bound of what the publisher knew of each node. Otherwise null.</param>
/// <param name="Rest">
/// With a reset of more than 5,000 presences, of which it has the first: the others are read with
/// <see cref="IPresenceSiloGrain.GetPage"/> from <paramref name="Silo"/>. Otherwise null.
/// </param>
/// <param name="SinceCursor">
/// With a reset: whether <paramref name="Changes"/> lead from the presences of the caller's cursor to the current ones.
/// </param>
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
    [property: Id(7)] IReadOnlyList<KnownReplica>? Known = null,
    [property: Id(8)] string? Rest = null,
    [property: Id(9)] bool SinceCursor = false);

/// <summary>The position of a topic's stream.</summary>
/// <param name="Silo">Address of the topic's publisher silo.</param>
/// <param name="Term">See <see cref="TopicChanges.Term"/>.</param>
/// <param name="Sequence">Sequence of the last published event.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.stream-position")]
public sealed record StreamPosition(
    [property: Id(0)] string Silo,
    [property: Id(1)] long Term,
    [property: Id(2)] long Sequence);

/// <summary>Names the Orleans streams of presence changes.</summary>
public static class PresenceStreams
{
    /// <summary>Name of the stream provider that <c>AddPresence</c> registers.</summary>
    public const string Provider = "presence";

    /// <summary>Name of the underlying provider, which owns the queues.</summary>
    internal const string Queues = "presence.queues";

    /// <summary>Namespace of the streams that carry the changes of a topic. The key is the topic.</summary>
    public const string DiffsNamespace = "presence.diffs";

    /// <summary>Returns the id of a topic's stream, whose events are <see cref="TopicChanges"/>.</summary>
    public static StreamId Diffs(string topic) => StreamId.Create(DiffsNamespace, topic);
}
