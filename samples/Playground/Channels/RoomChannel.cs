using System.Text.Json;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Samples.Playground;

/// <summary>
/// Serves <c>room:*</c>: presence with the client's own metadata, and messages to everyone in the room.
/// </summary>
internal sealed class RoomChannel(TimeProvider time) : Channel
{
    private const string OnlineAt = "online_at";

    private OrderedDictionary<string, JsonElement> _fields = [];

    private string UserId => ((UserSocket)Socket).UserId;

    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        var since = JsonSerializer.SerializeToElement(time.GetUtcNow().ToUnixTimeMilliseconds());
        if (Resumed && ResumedPresences.FirstOrDefault(p => p.Key == UserId && p.Topic == Topic) is { } earlier)
        {
            using var fields = JsonDocument.Parse(earlier.Meta.Utf8);
            since = fields.RootElement.GetProperty(OnlineAt).Clone();
        }

        _fields = new(StringComparer.Ordinal) { [OnlineAt] = since };
        if (!TryMeta(payload, required: false, out var given))
        {
            return JoinResult.Error(Reason("meta must be an object"));
        }

        try
        {
            _fields = Merged(given);
            await TrackAsync(UserId, PresenceMeta.Parse(JsonFields.Write(_fields).Span));
        }
        catch (Exception e) when (IsRejection(e))
        {
            return JoinResult.Error(Reason(e.Message));
        }

        PushPresence();
        return JoinResult.Ok();
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        try
        {
            return name switch
            {
                "update" => await ReplaceAsync(payload),
                "message" => Publish(payload),
                "count" => Count(),
                _ => await base.HandleInAsync(name, payload),
            };
        }
        catch (Exception e) when (IsRejection(e))
        {
            return ChannelResult.Error(Reason(e.Message));
        }
    }

    private async ValueTask<ChannelResult> ReplaceAsync(ChannelPayload payload)
    {
        if (!TryMeta(payload, required: true, out var given))
        {
            return ChannelResult.Error(Reason("meta must be an object"));
        }

        var merged = Merged(given);
        await UpdateAsync(UserId, PresenceMeta.Parse(JsonFields.Write(merged).Span));
        _fields = merged;
        return ChannelResult.Ok();
    }

    private ChannelResult Publish(ChannelPayload payload)
    {
        if (payload.IsBinary)
        {
            Broadcast("message", payload);
            return ChannelResult.Ok();
        }

        if (JsonFields.With(payload, "user_id", UserId) is not { } signed)
        {
            return ChannelResult.Error(Reason("a message must be an object, or binary"));
        }

        Broadcast("message", signed);
        return ChannelResult.Ok();
    }

    private ChannelResult Count()
    {
        var topic = List();
        return ChannelResult.Ok(new { count = topic.Count, keys = topic.KeyCount });
    }

    /// <summary>
    /// Returns the fields, replaced by those of the client except <c>online_at</c>, which the server sets.
    /// </summary>
    private OrderedDictionary<string, JsonElement> Merged(OrderedDictionary<string, JsonElement> given)
    {
        var merged = new OrderedDictionary<string, JsonElement>(_fields, StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            if (name != OnlineAt)
            {
                merged[name] = value;
            }
        }

        return merged;
    }

    private static bool TryMeta(
        ChannelPayload payload,
        bool required,
        out OrderedDictionary<string, JsonElement> fields)
    {
        fields = [];
        if (payload.IsBinary || payload.ToElement() is not { ValueKind: JsonValueKind.Object } parameters)
        {
            return false;
        }

        if (!parameters.TryGetProperty("meta", out var meta))
        {
            return !required;
        }

        fields = JsonFields.Read(meta) ?? [];
        return meta.ValueKind == JsonValueKind.Object;
    }

    private static bool IsRejection(Exception e) =>
        e is PresenceLimitException or PresenceMetaException or PresenceOverloadException;

    private static ChannelPayload Reason(string reason) => ChannelPayload.From(new { reason });
}
