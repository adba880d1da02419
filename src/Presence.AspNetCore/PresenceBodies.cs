using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Node.Feeds;
using Presence.Tracker;

namespace Presence.AspNetCore;

/// <summary>A presence.</summary>
internal sealed record PresenceBody(
    string Key, string Ref, [property: JsonConverter(typeof(MetaConverter))] PresenceMeta Meta)
{
    public static PresenceBody Of(PresenceEntry entry) => new(entry.Key, entry.Ref, entry.Meta);

    public static PresenceBody[] Of(IEnumerable<PresenceEntry> entries) => [.. entries.Select(Of)];
}

/// <summary>A page of a topic.</summary>
internal sealed record PageBody(string Topic, PresenceBody[] Presences, string? Next);

/// <summary>The numbers of presences and of distinct keys of a topic.</summary>
internal sealed record CountBody(string Topic, int Count, int Keys);

/// <summary>The presences of one key in a topic.</summary>
internal sealed record KeyInTopicBody(string Topic, string Key, PresenceBody[] Presences);

/// <summary>The topics in which a key is present.</summary>
internal sealed record KeyBody(string Key, bool Online, IReadOnlyList<string> Topics);

/// <summary>A presence with a lease.</summary>
internal sealed record LeaseBody(string Topic, string Key, string Ref, double ExpiresInSeconds);

/// <summary>The event <c>state</c>.</summary>
internal sealed record StateBody(string Topic, PresenceBody[] Presences)
{
    public static StateBody Of(FeedState state) => new(state.Topic, PresenceBody.Of(state.Presences));
}

/// <summary>The event <c>diff</c>.</summary>
internal sealed record DiffBody(string Topic, ChangeBody[] Changes)
{
    public static DiffBody Of(FeedDiff diff) => new(diff.Topic, [.. diff.Changes.Select(ChangeBody.Of)]);
}

/// <summary>The event <c>mode</c>: <c>counts</c> or <c>members</c>.</summary>
internal sealed record ModeBody(string Topic, string Mode);

/// <summary>The event <c>counts</c>. <c>at</c> is in milliseconds since 1970 UTC.</summary>
internal sealed record CountsBody(
    string Topic, int Count, int Keys, bool Exact, long At, PresenceBody[]? Sample)
{
    public static CountsBody Of(FeedCounts counts) => new(
        counts.Topic,
        counts.Presences.Count,
        counts.Presences.KeyCount,
        counts.Presences.HasExactCounts,
        counts.At.ToUnixTimeMilliseconds(),
        counts.HasSample ? PresenceBody.Of(counts.Sample) : null);
}

/// <summary>The event <c>state</c> of watched keys.</summary>
internal sealed record KeyStateBody(string Within, string[] Present);

/// <summary>The event <c>diff</c> of watched keys: those that became present, and absent.</summary>
internal sealed record KeyDiffBody(string Within, string[] Present, string[] Absent);

/// <summary>A change: replaces the presence <c>previousRef</c>, adds or removes the presence <c>ref</c>.</summary>
internal sealed record ChangeBody(
    string Kind,
    string Key,
    string Ref,
    string? PreviousRef,
    [property: JsonConverter(typeof(MetaConverter))] PresenceMeta Meta,
    string? Reason,
    bool? First,
    bool? Last)
{
    public static ChangeBody Of(PresenceChange change)
    {
        var entry = change.Entry;
        return change.Kind switch
        {
            PresenceChangeKind.Joined =>
                new(
                    "joined",
                    entry.Key,
                    entry.Ref,
                    null,
                    entry.Meta,
                    change.IsOfView ? "outOfView" : null,
                    change.IsFirst ? true : null,
                    null),
            PresenceChangeKind.Updated =>
                new("updated", entry.Key, entry.Ref, change.LastShown!.Ref, entry.Meta, null, null, null),

            // The version that readers have, which may be older than the final one.
            _ => new(
                "left",
                entry.Key,
                change.LastShown!.Ref,
                null,
                entry.Meta,
                JsonNamingPolicy.CamelCase.ConvertName(change.Reason.ToString()),
                null,
                change.IsLast ? true : null),
        };
    }
}

/// <summary>Writes metadata as it is.</summary>
internal sealed class MetaConverter : JsonConverter<PresenceMeta>
{
    public override PresenceMeta Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Responses are only written.");

    public override void Write(Utf8JsonWriter writer, PresenceMeta value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Utf8.Span, skipInputValidation: true);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PageBody))]
[JsonSerializable(typeof(CountBody))]
[JsonSerializable(typeof(KeyInTopicBody))]
[JsonSerializable(typeof(KeyBody))]
[JsonSerializable(typeof(LeaseBody))]
[JsonSerializable(typeof(StateBody))]
[JsonSerializable(typeof(DiffBody))]
[JsonSerializable(typeof(ModeBody))]
[JsonSerializable(typeof(CountsBody))]
[JsonSerializable(typeof(KeyStateBody))]
[JsonSerializable(typeof(KeyDiffBody))]
internal sealed partial class PresenceJson : JsonSerializerContext;
