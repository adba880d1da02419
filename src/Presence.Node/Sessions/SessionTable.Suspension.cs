using Presence.Tracker.Sessions;

namespace Presence.Node.Sessions;

/// <content>Notices that this process was suspended, while it has sessions.</content>
internal sealed partial class SessionTable
{
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(250);

    private TimeSpan? _watchDue;
    private TimeSpan? _wokenAt;

    /// <summary>Checks again and again, under the lock, whether this process runs in time.</summary>
    private void Watch()
    {
        if (_watchDue is null && _own.Count > 0)
        {
            _watchDue = cluster.Now + WatchInterval;
            cluster.After(WatchInterval, OnWatch);
        }
    }

    private void OnWatch()
    {
        lock (_gate)
        {
            NoticeSuspension();
            _watchDue = null;
            Watch();
        }
    }

    private void NoticeSuspension()
    {
        if (_watchDue is { } due && cluster.Now - due > MaxRequestLateness)
        {
            _wokenAt = cluster.Now;
        }
    }

    /// <summary>
    /// Queries the other nodes whether a session of this node was resumed at one of them while this one was suspended.
    /// The entries may not have arrived yet: the client would be attached here and superseded by its own earlier
    /// resume.
    /// </summary>
    private async Task CatchUpAsync(SessionId session)
    {
        lock (_gate)
        {
            NoticeSuspension();
            if (!_own.ContainsKey(session) || _wokenAt is not { } woken || cluster.Now - woken > AfterPause
                || Planted == SessionDefect.AttachesAfterPause)
            {
                return;
            }
        }

        var others = await AskOthersAsync(session).ConfigureAwait(false);
        if (others.Owner is { } owner && owner != Self)
        {
            OnGreater(session, others.Greatest, owner, isOwnerGone: false);
        }
    }
}
