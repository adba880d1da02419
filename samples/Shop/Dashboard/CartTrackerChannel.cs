using Presence.Channels;

namespace Presence.Samples.Shop;

/// <summary>
/// Serves <c>admin:cart_tracker</c>: the presences of the shoppers, for the <c>Presence</c> class of phoenix.js.
/// </summary>
internal sealed class CartTrackerChannel : Channel
{
    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        PushPresence();
        return new(JoinResult.Ok());
    }
}
