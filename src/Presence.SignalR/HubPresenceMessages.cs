using System.Text.Json.Serialization;

namespace Presence.SignalR;

/// <summary>The methods of clients that <see cref="IHubPresence.PushPresenceAsync"/> calls, for typed hubs.</summary>
public interface IHubPresenceClient
{
    /// <summary>Receives all presences of a topic, which replace what the client has of it.</summary>
    Task PresenceState(HubPresenceState state);

    /// <summary>Receives the changes of a topic.</summary>
    Task PresenceDiff(HubPresenceDiff diff);

    /// <summary>
    /// Learns that counts follow instead of members, or members again, of an adaptive topic
    /// (<see cref="Tracker.TrackerOptions.AddAdaptive"/>). What the client has of the members was right up to here.
    /// </summary>
    Task PresenceMode(HubPresenceMode mode);

    /// <summary>Receives how many presences an adaptive topic has.</summary>
    Task PresenceCounts(HubPresenceCounts counts);
}

/// <summary>The presences of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Presences">The presences, in key order.</param>
public sealed record HubPresenceState(string Topic, IReadOnlyList<HubPresenceItem> Presences);

/// <summary>A presence.</summary>
/// <param name="Key">The key.</param>
/// <param name="Ref">Identifies this version of the presence.</param>
/// <param name="Meta">
/// The metadata, of dictionaries, arrays, strings, numbers and truth values, which every hub protocol can write.
/// Numbers are <see cref="long"/> or <see cref="double"/>.
/// </param>
public sealed record HubPresenceItem(string Key, string Ref, IReadOnlyDictionary<string, object?> Meta);

/// <summary>The changes of a topic since the message before.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Changes">The changes, in order.</param>
public sealed record HubPresenceDiff(string Topic, IReadOnlyList<HubPresenceChange> Changes);

/// <summary>What follows of an adaptive topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Mode"><c>counts</c>, or <c>members</c>: a state follows, and then changes.</param>
public sealed record HubPresenceMode(string Topic, string Mode);

/// <summary>How many presences a large topic has.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Count">The number of presences.</param>
/// <param name="Keys">The number of distinct keys.</param>
/// <param name="Exact">
/// Whether the numbers are exact. Those of a counts-only topic are not: the keys are an estimate, and both may be late
/// by the period of the topic (<see cref="Tracker.TrackerOptions.AddCountsOnly"/>).
/// </param>
/// <param name="At">When they were counted, in milliseconds since 1970 UTC.</param>
/// <param name="Sample">
/// Some presences, those of the connection included. Null (in JSON left out): as in the last message that had it.
/// </param>
public sealed record HubPresenceCounts(
    string Topic,
    int Count,
    int Keys,
    bool Exact,
    long At,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<HubPresenceItem>? Sample);

/// <summary>A change of a topic. As JSON it has no member that is null or false.</summary>
/// <param name="Kind">
/// <c>joined</c>: add the presence <paramref name="Ref"/>; <c>updated</c>: remove <paramref name="PreviousRef"/> and
/// add <paramref name="Ref"/>; <c>left</c>: remove <paramref name="Ref"/>.
/// </param>
/// <param name="Key">The key.</param>
/// <param name="Ref">The presence's version.</param>
/// <param name="PreviousRef">The version that an update replaces; otherwise null.</param>
/// <param name="Meta">The metadata; of a leave the last one.</param>
/// <param name="Reason">The <see cref="Tracker.LeaveReason"/> of a leave, in camel case; otherwise null.</param>
/// <param name="First">Whether no presence of the key was in the topic before: its first device joined.</param>
/// <param name="Last">Whether no presence of the key is left in the topic: its last device left.</param>
public sealed record HubPresenceChange(
    string Kind,
    string Key,
    string Ref,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] string? PreviousRef,
    IReadOnlyDictionary<string, object?> Meta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] string? Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool First,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Last);

/// <summary>
/// A <see cref="HubPresenceChange"/> with metadata of a type. As JSON only <c>meta</c> may be null; other members that
/// are null or false are left out.
/// </summary>
/// <param name="Kind">See <see cref="HubPresenceChange"/>.</param>
/// <param name="Key">The key.</param>
/// <param name="Ref">The presence's version.</param>
/// <param name="PreviousRef">The version that an update replaces; otherwise null.</param>
/// <param name="Meta">The metadata, of a leave the last one; the default value if they do not fit the type.</param>
/// <param name="Error">Why the metadata do not fit the type; null if they do.</param>
/// <param name="Reason">The reason of a leave, in camel case; otherwise null.</param>
/// <param name="First">Whether the first device of the key joined.</param>
/// <param name="Last">Whether the last device of the key left.</param>
public sealed record HubPresenceChange<T>(
    string Kind,
    string Key,
    string Ref,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] string? PreviousRef,
    T? Meta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] string? Error,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] string? Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool First,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Last);

/// <summary>An item of <see cref="IHubPresence.SubscribeAsync{T}"/>.</summary>
/// <param name="IsState">Whether the changes join all presences, and replace what the client has of the topic.</param>
/// <param name="Changes">The changes, in order; none with counts.</param>
/// <param name="Counts">Counts of an adaptive topic; otherwise null. Members come again with a state.</param>
public sealed record HubPresenceChanges<T>(
    bool IsState,
    IReadOnlyList<HubPresenceChange<T>> Changes,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] HubPresenceCounts? Counts = null);

/// <summary>An item of <c>IHubPresence.SubscribeAsync</c> for a topic without a type: one of the four.</summary>
/// <param name="State">All presences; otherwise null.</param>
/// <param name="Diff">The changes; otherwise null.</param>
/// <param name="Mode">What follows of an adaptive topic; otherwise null.</param>
/// <param name="Counts">Counts of an adaptive topic; otherwise null.</param>
public sealed record HubPresenceMessage(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] HubPresenceState? State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] HubPresenceDiff? Diff,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] HubPresenceMode? Mode = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] HubPresenceCounts? Counts = null);

/// <summary>A page of a topic.</summary>
/// <param name="Presences">The presences of whole keys, in key order.</param>
/// <param name="Next">What to ask for the next page after; null on the last one.</param>
public sealed record HubPresencePage(IReadOnlyList<HubPresenceItem> Presences, string? Next);

/// <summary>An item of <see cref="IHubPresence.WatchKeysAsync"/>.</summary>
/// <param name="IsState">Whether no other key is present: the first item.</param>
/// <param name="Present">The keys that are present; after the first item, those that became so.</param>
/// <param name="Absent">The keys that became absent; none in the first item.</param>
public sealed record HubKeyChanges(bool IsState, IReadOnlyList<string> Present, IReadOnlyList<string> Absent);
