using Presence.Tracker;

namespace Presence.Node.Leases;

/// <summary>A presence of this node with a lease, which the owner of this object measures.</summary>
internal sealed class LeasedPresence(IPresenceNode node, LeaseId id)
{
    private PresenceSession? _session;
    private PresenceEntry? _entry;

    /// <summary>Tracks the presence, updates it, or does nothing if it has this metadata. One call at a time.</summary>
    public async Task<KeyLease> PutAsync(PresenceMeta meta)
    {
        if (_session is { IsEnded: false } session && _entry is { } entry)
        {
            if (entry.Meta != meta)
            {
                _entry = entry = await node.Tracker.UpdateAsync(session, id.Topic, id.Key, meta).ConfigureAwait(true);
            }

            return new KeyLease(false, entry.Ref);
        }

        session = node.OpenSession($"lease {id.Holder}");
        try
        {
            _entry = await node.Tracker.TrackAsync(session, id.Topic, id.Key, meta).ConfigureAwait(true);
            _session = session;
            return new KeyLease(true, _entry.Ref);
        }
        catch
        {
            session.End();
            throw;
        }
    }

    /// <summary>Ends the presence. Returns false if there is none.</summary>
    public bool End(LeaveReason reason = LeaveReason.SessionEnded)
    {
        var isTracked = _session is { IsEnded: false };
        _session?.End(reason);
        (_session, _entry) = (null, null);
        return isTracked;
    }
}
