using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>Serves <c>user:ID</c>: broadcasts reach all devices of one user.</summary>
internal sealed class UserChannel : Channel
{
    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(
        Topic["user:".Length..] == ((UserSocket)Socket).UserId
            ? JoinResult.Ok()
            : JoinResult.Error(new { reason = "unauthorized" }));
}
