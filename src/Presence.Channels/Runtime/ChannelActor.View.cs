using System.Text.Json;
using Presence.Channels.Presences;
using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Runtime;

/// <summary>The part of the presences that the client has requested.</summary>
internal sealed partial class ChannelActor
{
    private PresenceView? _view;

    private static ReadOnlySpan<byte> ViewName => "view"u8;

    /// <summary>Reads the join parameter <c>view</c>.</summary>
    /// <exception cref="PresenceViewException">It is malformed.</exception>
    private void ReadView(ChannelPayload payload)
    {
        _view = ViewOf(payload);
        if (_view is not null)
        {
            // The client has a part of what a cursor would stand for.
            (WantsCursors, Cursor) = (false, null);
        }
    }

    /// <summary>Returns null if the client wants the whole topic.</summary>
    /// <exception cref="PresenceViewException">The view is malformed.</exception>
    private static PresenceView? ViewOf(ChannelPayload payload) =>
        Parameter(payload, ViewName) is { ValueKind: not JsonValueKind.Null } json
        && PresenceView.Parse(json) is { IsWhole: false } view ? view : null;

    /// <exception cref="PresenceViewException">The view cannot be used for the pushed topic.</exception>
    /// <exception cref="CountsOnlyTopicException">The pushed topic has no list.</exception>
    private void CheckView()
    {
        if (_view is { } view && _pushedTopic is { } topic)
        {
            Server.Node.Tracker.Check(view, topic);
        }
    }

    /// <summary>Replaces the view: the client receives the state of the new one, and then its changes.</summary>
    /// <remarks>The answer comes before the state, which the feed sends on a thread of its own.</remarks>
    private void ChangeView(WireValue reference, ChannelPayload payload)
    {
        PresenceView? view;
        var topic = _pushedTopic!;
        try
        {
            view = ViewOf(payload);
            if (view is not null)
            {
                Server.Node.Tracker.Check(view, topic);
            }
        }
        catch (Exception e) when (e is PresenceViewException or CountsOnlyTopicException)
        {
            Reply(reference, Rejected(e));
            return;
        }

        PresenceFeed? former;
        lock (_resourcesGate)
        {
            (former, _feed) = (_feed, null);
        }

        if (former is not null)
        {
            Server.Feeds.Remove(former, this);
        }

        if (WantsCursors)
        {
            SendShared(PhoenixEvents.PresenceCursor, new SharedPayload(PresencePayloads.Cursor(null)));
        }

        (WantsCursors, Cursor) = (false, null);
        var before = _view;
        try
        {
            _view = view;
            Show(topic, () => Reply(reference, ChannelReply.Ok()));
        }
        catch (PresenceOverloadException e)
        {
            _view = before;
            Reply(reference, Rejected(e));
            StartPresence();
        }
    }

    private static ChannelReply Rejected(Exception e) => ChannelReply.Error(PhoenixReasons.Because(e.Message));
}
