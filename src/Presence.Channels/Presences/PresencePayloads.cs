using System.Text.Json;
using Presence.Channels.Wire;
using Presence.Tracker;

namespace Presence.Channels.Presences;

/// <summary>Encodes presences as the <c>Presence</c> class of clients reads them; metadata stays as it came.</summary>
internal static class PresencePayloads
{
    private static ReadOnlySpan<byte> Ref => "phx_ref"u8;
    private static ReadOnlySpan<byte> PreviousRef => "phx_ref_prev"u8;

    /// <summary>Encodes <c>{key: {"metas": [...]}}</c>, with fields of <see cref="PresenceFetch"/>.</summary>
    /// <param name="entries">The presences; those of one key are together.</param>
    /// <param name="fields">Fields of <see cref="PresenceFetch"/>.</param>
    public static byte[] State(
        IEnumerable<PresenceEntry> entries, IReadOnlyDictionary<string, byte[]>? fields = null)
    {
        var json = FrameBuffer.Rent();
        State(json, entries, fields);
        return json.ToArrayAndReturn();
    }

    /// <summary>
    /// Encodes <c>{"count": 3, "keys": 2, "exact": true, "at": 0, "sample": {key: {"metas": [...]}}}</c>, where
    /// <c>at</c> is in milliseconds since 1970. The counts of a counts-only topic are not exact.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="at">When it was counted.</param>
    /// <param name="sample">The sample, with those of one key together; null: the client has it.</param>
    /// <param name="fields">Fields of <see cref="PresenceFetch"/>.</param>
    public static byte[] Counts(
        TopicSnapshot topic,
        DateTimeOffset at,
        IEnumerable<PresenceEntry>? sample,
        IReadOnlyDictionary<string, byte[]>? fields)
    {
        var json = FrameBuffer.Rent();
        json.Raw("{\"count\":"u8);
        json.Number(topic.Count);
        json.Raw(",\"keys\":"u8);
        json.Number(topic.KeyCount);
        json.Raw(topic.HasExactCounts ? ",\"exact\":true,\"at\":"u8 : ",\"exact\":false,\"at\":"u8);
        json.Number(at.ToUnixTimeMilliseconds());
        if (sample is not null)
        {
            json.Raw(",\"sample\":"u8);
            State(json, sample, fields);
        }

        json.Raw("}"u8);
        return json.ToArrayAndReturn();
    }

    /// <summary>Encodes <c>{"presences": {key: {"metas": [...]}}, "next": key or null}</c>.</summary>
    public static byte[] Page(PresencePage page, IReadOnlyDictionary<string, byte[]>? fields)
    {
        var json = FrameBuffer.Rent();
        json.Raw("{\"presences\":"u8);
        State(json, page.Entries, fields);
        json.Raw(",\"next\":"u8);
        json.Value(page.Next);
        json.Raw("}"u8);
        return json.ToArrayAndReturn();
    }

    private static void State(
        FrameBuffer json,
        IEnumerable<PresenceEntry> entries,
        IReadOnlyDictionary<string, byte[]>? fields)
    {
        json.Raw("{"u8);
        var first = true;
        string? key = null;
        foreach (var entry in entries)
        {
            if (string.Equals(entry.Key, key, StringComparison.Ordinal))
            {
                Separate(json, first: false);
            }
            else
            {
                if (key is not null)
                {
                    CloseKey(json, key, fields);
                }

                OpenKey(json, key = entry.Key, ref first);
            }

            Meta(json, entry, entry.PreviousRef);
        }

        if (key is not null)
        {
            CloseKey(json, key, fields);
        }

        json.Raw("}"u8);
    }

    /// <summary>Encodes <c>{"joins": {key: {"metas": [...]}}, "leaves": {...}}</c>.</summary>
    public static byte[] Diff(IReadOnlyList<PresenceChange> changes, IReadOnlyDictionary<string, byte[]>? fields = null)
    {
        var json = FrameBuffer.Rent();
        json.Raw("{\"joins\":"u8);
        Side(json, changes, fields, joins: true);
        json.Raw(",\"leaves\":"u8);
        Side(json, changes, fields, joins: false);
        json.Raw("}"u8);
        return json.ToArrayAndReturn();
    }

    /// <summary>Returns a diff with the field <c>cursor</c>, which is null if the topic has none.</summary>
    public static byte[] WithCursor(ReadOnlySpan<byte> diff, string? cursor) =>
        [.. diff[..^1], .. ","u8, .. Cursor(cursor).AsSpan(1)];

    /// <summary>Returns a diff with the reason that its presences only came into a view or went out of it.</summary>
    public static byte[] OfView(ReadOnlySpan<byte> diff) => [.. diff[..^1], .. ",\"reason\":\"out_of_view\"}"u8];

    /// <summary>Encodes <c>{"cursor": "..."}</c>.</summary>
    public static byte[] Cursor(string? cursor)
    {
        var json = FrameBuffer.Rent();
        json.Raw("{\"cursor\":"u8);
        json.Value(cursor);
        json.Raw("}"u8);
        return json.ToArrayAndReturn();
    }

    /// <summary>Writes the metadata with the refs at its end; refs that a user put into it are omitted.</summary>
    internal static void Meta(FrameBuffer json, PresenceEntry entry, string? previousRef)
    {
        var meta = entry.Meta.Utf8.Span;
        bool empty;
        if (meta.IndexOf(Ref) >= 0 || meta.IndexOf((byte)'\\') >= 0)
        {
            empty = CopyWithoutRefs(json, meta);
        }
        else
        {
            var start = meta.IndexOf((byte)'{') + 1;
            var body = meta[start..meta.LastIndexOf((byte)'}')];
            json.Raw("{"u8);
            json.Raw(body);
            empty = body.TrimStart(" \t\r\n"u8).IsEmpty;
        }

        json.Raw(empty ? "\"phx_ref\":"u8 : ",\"phx_ref\":"u8);
        json.String(entry.Ref);
        if (previousRef is not null)
        {
            json.Raw(",\"phx_ref_prev\":"u8);
            json.String(previousRef);
        }

        json.Raw("}"u8);
    }

    private static void Side(
        FrameBuffer json,
        IReadOnlyList<PresenceChange> changes,
        IReadOnlyDictionary<string, byte[]>? fields,
        bool joins)
    {
        json.Raw("{"u8);
        var first = true;
        var groups = changes
            .Where(change => joins ? change.Kind != PresenceChangeKind.Left : change.LastShown is not null)
            .GroupBy(change => change.Entry.Key, StringComparer.Ordinal);
        foreach (var group in groups)
        {
            OpenKey(json, group.Key, ref first);
            var firstMeta = true;
            foreach (var change in group)
            {
                Separate(json, firstMeta);
                firstMeta = false;
                if (!joins)
                {
                    Meta(json, change.LastShown!, change.LastShown!.PreviousRef);
                    continue;
                }

                // The version that these clients saw last, which may be older than the previous one.
                Meta(json, change.Entry, change.LastShown?.Ref ?? change.Entry.PreviousRef);
            }

            CloseKey(json, group.Key, fields);
        }

        json.Raw("}"u8);
    }

    private static void OpenKey(FrameBuffer json, string key, ref bool first)
    {
        Separate(json, first);
        first = false;
        json.String(key);
        json.Raw(":{\"metas\":["u8);
    }

    private static void CloseKey(FrameBuffer json, string key, IReadOnlyDictionary<string, byte[]>? fields)
    {
        json.Raw("]"u8);
        if (fields is not null && fields.TryGetValue(key, out var written))
        {
            json.Raw(written);
        }

        json.Raw("}"u8);
    }

    private static void Separate(FrameBuffer json, bool first)
    {
        if (!first)
        {
            json.Raw(","u8);
        }
    }

    /// <returns>Whether the object is empty.</returns>
    private static bool CopyWithoutRefs(FrameBuffer json, ReadOnlySpan<byte> meta)
    {
        json.Raw("{"u8);
        var empty = true;
        var reader = new Utf8JsonReader(meta);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isRef = reader.ValueTextEquals(Ref) || reader.ValueTextEquals(PreviousRef);
            var start = (int)reader.TokenStartIndex;
            reader.Read();
            reader.Skip();
            if (!isRef)
            {
                Separate(json, empty);
                json.Raw(meta[start..(int)reader.BytesConsumed]);
                empty = false;
            }
        }

        return empty;
    }
}
