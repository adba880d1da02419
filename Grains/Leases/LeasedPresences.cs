using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Leases;

/// <summary>Changes the presences of this silo's leases, as the holders of their handles request.</summary>
internal sealed class LeasedPresences(IPresenceNode node, LeaseRegistry leases)
{
    /// <exception cref="NotTrackedException">The lease or the presence has ended.</exception>
    public async Task<PresenceHandle> UpdateAsync(PresenceHandle handle, PresenceMeta meta)
    {
        var session = leases.Find(handle.Lease) ?? throw new NotTrackedException(handle.Topic, handle.Key);
        var entry = await node.Tracker.UpdateAsync(session, handle.Topic, handle.Key, meta);
        return handle with { Ref = entry.Ref, LeaseDuration = leases.Duration };
    }

    /// <returns>False if the lease or the presence has ended.</returns>
    public async Task<bool> UntrackAsync(PresenceHandle handle) =>
        leases.Find(handle.Lease) is { } session
        && await node.Tracker.UntrackAsync(session, handle.Topic, handle.Key);
}
