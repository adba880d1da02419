using Presence.Tracker;

namespace Presence.Samples.Tests.Migration;

public sealed class UserSocket(SocketTokens tokens) : PresenceSocket
{
    public override string? Id => $"user_socket:{Assigns["user_id"]}";

    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect)
    {
        Assigns["user_id"] = tokens.TryRead("user socket", connect.Token);
        return new(Assigns["user_id"] is null ? ConnectResult.Rejected : ConnectResult.Accepted);
    }
}

public sealed class RoomChannel(TimeProvider time) : Channel
{
    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override async ValueTask AfterJoinAsync()
    {
        var userId = (string)Socket.Assigns["user_id"]!;
        await TrackAsync(userId, PresenceMeta.From(new { online_at = time.GetUtcNow().ToUnixTimeSeconds() }));
        PushPresence();
    }

    protected override ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        if (name != "new_msg")
        {
            return base.HandleInAsync(name, payload);
        }

        Broadcast("new_msg", payload);
        return new(ChannelResult.NoReply);
    }
}
