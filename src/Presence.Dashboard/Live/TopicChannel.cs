using System.Text.Json;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Live;

/// <summary>Channel <c>presence:TOPIC</c>: shows and tracks presences of any topic.</summary>
/// <remarks>With the join parameter <c>show: false</c> nothing is pushed.</remarks>
internal sealed class TopicChannel : Channel
{
    public const string Prefix = "presence:";

    private string _topic = "";

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        _topic = Topic[Prefix.Length..];
        if (_topic.Length == 0)
        {
            return new(JoinResult.Error(new { reason = "the topic is missing: presence:TOPIC" }));
        }

        var isHidden = TryRead(payload, out var parameters)
            && parameters.TryGetProperty("show", out var show) && show.ValueKind == JsonValueKind.False;
        if (!isHidden)
        {
            PushPresence(_topic, alwaysMembers: Tracker.AdaptiveOf(_topic) is not { IsCountsOnly: true });
        }

        return new(JoinResult.Ok());
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        try
        {
            return name switch
            {
                "track" => await TrackAsync(payload),
                "update" => await UpdateAsync(payload),
                "untrack" => await UntrackAsync(payload),
                "count" => Count(),
                _ => await base.HandleInAsync(name, payload),
            };
        }
        catch (Exception e) when (e is PresenceLimitException or PresenceMetaException or PresenceOverloadException
            or AlreadyTrackedException or NotTrackedException)
        {
            return ChannelResult.Error(new { reason = e.Message });
        }
    }

    private async ValueTask<ChannelResult> TrackAsync(ChannelPayload payload)
    {
        var (key, meta) = Read(payload);
        return ChannelResult.Ok(new Tracked((await TrackAsync(key, meta ?? PresenceMeta.Empty, _topic)).Ref));
    }

    private async ValueTask<ChannelResult> UpdateAsync(ChannelPayload payload)
    {
        var (key, meta) = Read(payload);
        var given = meta ?? throw new PresenceMetaException("the new meta is missing: {key, meta}");
        return ChannelResult.Ok(new Tracked((await UpdateAsync(key, given, _topic)).Ref));
    }

    private async ValueTask<ChannelResult> UntrackAsync(ChannelPayload payload)
    {
        var (key, _) = Read(payload);
        return await UntrackAsync(key, _topic)
            ? ChannelResult.Ok()
            : ChannelResult.Error(new { reason = $"'{key}' is not tracked by this channel" });
    }

    private ChannelResult Count()
    {
        var topic = Tracker.CountOf(_topic);
        return ChannelResult.Ok(new { count = topic.Count, keys = topic.KeyCount });
    }

    private static (string Key, PresenceMeta? Meta) Read(ChannelPayload payload) =>
        TryRead(payload, out var given)
            && given.TryGetProperty("key", out var name)
            && name.ValueKind == JsonValueKind.String
            ? (name.GetString()!,
                given.TryGetProperty("meta", out var meta) ? PresenceMeta.Parse(meta.GetRawText()) : null)
            : throw new PresenceMetaException("the key must be a string: {key, meta}");

    private static bool TryRead(ChannelPayload payload, out JsonElement json)
    {
        json = payload.IsBinary ? default : payload.ToElement();
        return json.ValueKind == JsonValueKind.Object;
    }

    private sealed record Tracked([property: System.Text.Json.Serialization.JsonPropertyName("phx_ref")] string Ref);
}
