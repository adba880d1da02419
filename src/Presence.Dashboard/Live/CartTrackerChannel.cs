using Presence.Channels;

namespace Presence.Dashboard;

/// <summary><c>admin:cart_tracker</c>: every shopper's presence, for the stock client's <c>Presence</c> class.</summary>
internal sealed class CartTrackerChannel : Channel
{
    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        ShowPresence();
        return new(JoinResult.Ok());
    }
}
