using System.Collections.ObjectModel;
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Presence.Node.Feeds;
using Presence.Tracker;

namespace Presence.SignalR;

/// <summary>Converts the messages of a feed, once for all connections.</summary>
internal static class HubMessages
{
    private const string OutOfView = "outOfView";

    /// <summary>Returns the item of a stream.</summary>
    public static HubPresenceMessage Item(FeedMessage message) => message.Encoded(CreateItem);

    /// <summary>Returns the call of the client's method, which is serialized once per hub protocol.</summary>
    public static SerializedHubMessage Call(FeedMessage message) => message.Encoded(static m =>
        new SerializedHubMessage(new InvocationMessage(MethodOf(m), [ArgumentOf(m)])));

    public static string MethodOf(FeedMessage message) => message switch
    {
        FeedState => nameof(IHubPresenceClient.PresenceState),
        FeedDiff => nameof(IHubPresenceClient.PresenceDiff),
        FeedMode => nameof(IHubPresenceClient.PresenceMode),
        _ => nameof(IHubPresenceClient.PresenceCounts),
    };

    public static object ArgumentOf(FeedMessage message)
    {
        var item = Item(message);
        return (object?)item.State ?? (object?)item.Diff ?? (object?)item.Mode ?? item.Counts!;
    }

    /// <summary>Returns counts with the sample, to which a connection's own presences are added.</summary>
    public static HubPresenceCounts WithSample(FeedCounts counts, IEnumerable<PresenceEntry> own) =>
        Convert(counts, [.. counts.Sample.UnionBy(own, entry => entry.Identity).Select(Convert)]);

    private static HubPresenceCounts Convert(FeedCounts counts, IReadOnlyList<HubPresenceItem>? sample) => new(
        counts.Topic,
        counts.Presences.Count,
        counts.Presences.KeyCount,
        counts.Presences.HasExactCounts,
        counts.At.ToUnixTimeMilliseconds(),
        sample);

    public static HubPresenceItem Convert(PresenceEntry entry) => new(entry.Key, entry.Ref, Convert(entry.Meta));

    private static HubPresenceMessage CreateItem(FeedMessage message) => message switch
    {
        FeedState state => new(new(state.Topic, [.. state.Presences.Select(Convert)]), null),
        FeedDiff diff => new(null, new(diff.Topic, [.. diff.Changes.Select(c => Convert(c, Convert(c.Entry.Meta)))])),
        FeedMode mode => new(null, null, new(mode.Topic, mode.Name)),
        FeedCounts counts => new(
            null, null, null, counts.HasSample ? WithSample(counts, []) : Convert(counts, null as HubPresenceItem[])),
        _ => throw new ArgumentException($"{message.GetType().Name} has no encoding.", nameof(message)),
    };

    private static HubPresenceChange Convert(PresenceChange change, IReadOnlyDictionary<string, object?> meta)
    {
        var entry = change.Entry;
        return change.Kind switch
        {
            PresenceChangeKind.Joined => new(
                "joined", entry.Key, entry.Ref, null, meta, change.IsOfView ? OutOfView : null, change.IsFirst, false),
            PresenceChangeKind.Updated =>
                new("updated", entry.Key, entry.Ref, change.LastShown!.Ref, meta, null, false, false),

            // The version that clients have, which may be older than the final one.
            _ => new(
                "left",
                entry.Key,
                change.LastShown!.Ref,
                null,
                meta,
                JsonNamingPolicy.CamelCase.ConvertName(change.Reason.ToString()),
                false,
                change.IsLast),
        };
    }

    public static object? Convert(ReadOnlyMemory<byte> utf8)
    {
        using var json = JsonDocument.Parse(utf8);
        return ConvertValue(json.RootElement);
    }

    /// <summary>Returns the changes of a message, with metadata of a type; null for a <see cref="FeedMode"/>.</summary>
    public static HubPresenceChanges<T>? Read<T>(FeedMessage message, Topic<T> topic) => message switch
    {
        FeedMode => null,
        FeedCounts => new(false, [], Item(message).Counts),
        FeedState state => new(true, [.. PresenceChange.JoinedAll(state.Presences).Select(c => Convert(c, topic))]),
        FeedDiff diff => new(false, [.. diff.Changes.Select(c => Convert(c, topic))]),
        _ => throw new ArgumentException($"{message.GetType().Name} has no encoding.", nameof(message)),
    };

    private static HubPresenceChange<T> Convert<T>(PresenceChange change, Topic<T> topic)
    {
        var untyped = Convert(change, ReadOnlyDictionary<string, object?>.Empty);
        var read = topic.Read(change.Entry);
        return new(
            untyped.Kind, untyped.Key, untyped.Ref, untyped.PreviousRef, read.Meta, read.Error, untyped.Reason,
            untyped.First, untyped.Last);
    }

    private static Dictionary<string, object?> Convert(PresenceMeta meta)
    {
        using var json = JsonDocument.Parse(meta.Utf8);
        return ConvertObject(json.RootElement);
    }

    private static Dictionary<string, object?> ConvertObject(JsonElement json)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var property in json.EnumerateObject())
        {
            values[property.Name] = ConvertValue(property.Value);
        }

        return values;
    }

    private static object? ConvertValue(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => ConvertObject(json),
        JsonValueKind.Array => json.EnumerateArray().Select(ConvertValue).ToArray(),
        JsonValueKind.String => json.GetString(),
        JsonValueKind.Number => json.TryGetInt64(out var whole) ? whole : Finite(json.GetDouble()),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    // JSON has no infinity: 1e999 would fail to be written.
    private static double Finite(double number) => double.IsFinite(number) ? number
        : number > 0 ? double.MaxValue : double.MinValue;
}
