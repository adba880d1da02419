using Presence.Channels;
using Presence.Tracker;

namespace Presence.Samples.Playground;

/// <summary>Serves <c>tracked</c>: tracks the users that have the page open.</summary>
internal sealed class TrackedChannel(TimeProvider time) : Channel
{
    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        var userId = ((UserSocket)Socket).UserId;
        await TrackAsync(userId, PresenceMeta.From(new
        {
            online_at = time.GetUtcNow().ToUnixTimeMilliseconds(),
            user_id = userId,
        }));
        PushPresence();
        return JoinResult.Ok();
    }
}
