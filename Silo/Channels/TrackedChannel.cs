using Presence.Channels;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary><c>tracked</c>: who has the page open.</summary>
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
        ShowPresence();
        return JoinResult.Ok();
    }
}
