using Presence.Channels;
using Presence.Tracker;

namespace Presence.Samples.Chat;

/// <summary>Serves <c>chat:ROOM</c>: the people of a room, who of them is typing, and their messages.</summary>
internal sealed class ChatChannel(TimeProvider time) : Channel
{
    public const string Prefix = "chat:";
    public const int MaxNameLength = 40;
    public const int MaxTextLength = 500;

    // One table for all channels. A payload of another type is answered with an error.
    private static readonly ChannelEvents Handlers = new ChannelEvents<ChatChannel>()
        .On("message", ChatJson.Default.ChatText, (channel, message) => new(channel.Publish(message.Text)))
        .On("typing", ChatJson.Default.ChatPerson, (channel, person) => channel.SetAsync(person));

    private string _name = "";

    protected override ChannelEvents Events => Handlers;

    private Topic<ChatPerson> People => new(Topic, ChatJson.Default.ChatPerson);

    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        if (Topic[Prefix.Length..].Trim().Length is 0 or > MaxNameLength)
        {
            return JoinResult.Error(new { reason = $"the name of a room has 1 to {MaxNameLength} characters" });
        }

        if (!payload.TryAs(ChatJson.Default.ChatJoin, out var join)
            || WithoutBlanks(join.Name, MaxNameLength) is not { } name)
        {
            return JoinResult.Error(new { reason = $"your name must have 1 to {MaxNameLength} characters" });
        }

        _name = name;
        await TrackAsync(People, name, new ChatPerson { Typing = false });
        PushPresence();
        return JoinResult.Ok();
    }

    private ChannelResult Publish(string given)
    {
        if (WithoutBlanks(given, MaxTextLength) is not { } text)
        {
            return ChannelResult.Error(new { reason = $"a message must have 1 to {MaxTextLength} characters" });
        }

        var message = new ChatMessage(_name, text, time.GetUtcNow().ToUnixTimeMilliseconds());
        Broadcast("message", ChannelPayload.From(message, ChatJson.Default.ChatMessage));
        return ChannelResult.Ok();
    }

    private async ValueTask<ChannelResult> SetAsync(ChatPerson person)
    {
        await UpdateAsync(People, _name, person);
        return ChannelResult.Ok();
    }

    /// <summary>Returns a text without outer blanks; null if it is empty or too long.</summary>
    private static string? WithoutBlanks(string text, int maxLength) =>
        text.Trim() is { Length: > 0 } trimmed && trimmed.Length <= maxLength ? trimmed : null;
}
