using Presence.Channels;

namespace Presence.Silo;

/// <summary><c>user:ID</c>: what is broadcast here reaches one user, on all devices and no others.</summary>
internal sealed class UserChannel : Channel
{
    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(
        Topic["user:".Length..] == ((UserSocket)Socket).UserId
            ? JoinResult.Ok()
            : JoinResult.Error(new { reason = "unauthorized" }));
}
