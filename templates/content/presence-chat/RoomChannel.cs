using System.Text.Json;
using Presence.Channels;
using Presence.Tracker;

namespace PresenceChat;

/// <summary>Accepts anyone. Read a signed token here to know the users: see SocketTokens.</summary>
internal sealed class ChatSocket : PresenceSocket
{
    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
        new(ConnectResult.Accepted);
}

/// <summary>A room: who is there, who is typing, and the messages.</summary>
internal sealed class RoomChannel : Channel
{
    private string _name = "";

    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        if (Text(payload, "name") is not { Length: > 0 and <= 40 } name)
        {
            return JoinResult.Error(new { reason = "name must have 1 to 40 characters" });
        }

        _name = name;
        await TrackAsync(name, PresenceMeta.From(new { typing = false }));
        PushPresence();
        return JoinResult.Ok();
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        switch (name)
        {
            case "message" when Text(payload, "text") is { Length: > 0 and <= 500 } text:
                Broadcast("message", new { name = _name, text });
                return ChannelResult.Ok();
            case "typing":
                await UpdateAsync(_name, PresenceMeta.From(new { typing = Text(payload, "typing") == "yes" }));
                return ChannelResult.Ok();
            default:
                return ChannelResult.Error(new { reason = "unknown event, or no text" });
        }
    }

    private static string? Text(ChannelPayload payload, string field) =>
        !payload.IsBinary && payload.ToElement() is { ValueKind: JsonValueKind.Object } fields
        && fields.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!.Trim()
            : null;
}
