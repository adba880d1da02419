using Presence.Channels.Runtime;
using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;
using Presence.Tracker.Cursors;

namespace Presence.Channels.Presences;

/// <summary>
/// Sends the presences of one topic to its channels on this node. Each message is encoded once; every client gets the
/// state as of one message and then exactly the messages after it.
/// </summary>
/// <remarks>
/// Changes are collected between two messages. A new channel waits for the next message and gets the state after it, so
/// that a thousand joins cost as many states as there were messages and not a thousand.
/// </remarks>
internal sealed partial class PresenceFeed(
    ChannelServer server, string presences, string topic, PresenceView? view, bool alwaysMembers)
    : IThreadPoolWorkItem, IDisposable
{
    // The tracker's dispatcher takes this lock, so it is never held for long; _gate is held while clients are served.
    private readonly Lock _pendingGate = new();
    private readonly Lock _gate = new();
    private readonly DiffCoalescer _pending = new();
    private readonly PresenceSet _shown = new(presences);
    private readonly PresenceRoute? _fetch = server.FetchOf(presences);
    private readonly List<ChannelActor> _channels = new(1);
    private List<ChannelActor> _newcomers = new(1);
    private TopicSubscription? _subscription;
    private SharedPayload? _state;
    private FeedCursors? _cursors;
    private long _version;
    private long _pendingVersion;

    public string Presences => presences;
    public string Topic => topic;

    /// <summary>Gets whether members are sent, however large the topic is.</summary>
    public bool AlwaysMembers => alwaysMembers;

    /// <summary>Gets the part of the presences that the channels show; null if all.</summary>
    public PresenceView? View => view;

    private FeedCursors Cursors => _cursors ??= new FeedCursors(_shown);

    /// <summary>Takes the snapshot and collects the changes after it.</summary>
    public void Start()
    {
        if (_adaptive is { IsCountsOnly: true })
        {
            StartCounting();
            Open();
            return;
        }

        _subscription = view is null
            ? server.Node.Tracker.Subscribe(presences, OnDiff)
            : server.Node.Tracker.Subscribe(presences, view, OnDiff);
        _version = _subscription.Version;
        lock (_pendingGate)
        {
            _latest ??= _subscription.Snapshot;
        }

        if (_adaptive?.IsCounting(_subscription.Snapshot.Count, false) is true)
        {
            BeginCounting();
        }
        else
        {
            _shown.Reset(_subscription.Snapshot);
        }

        Open();
    }

    public void Add(ChannelActor channel)
    {
        lock (_gate)
        {
            if (_counts is not null)
            {
                SendCounts(channel, isFirst: true, hasSample: true);
                _channels.Add(channel);
                return;
            }

            _newcomers.Add(channel);
        }

        RequestSend();
    }

    /// <returns>True if it was the last channel.</returns>
    public bool Remove(ChannelActor channel)
    {
        lock (_gate)
        {
            _ = RemoveFrom(_channels, channel) || RemoveFrom(_newcomers, channel);
            return _channels.Count + _newcomers.Count == 0;
        }
    }

    public void Dispose()
    {
        Stop();
        _subscription?.Dispose();
        _countsSubscription?.Dispose();
        lock (_pendingGate)
        {
            if (_isCounting)
            {
                _isCounting = false;
                server.Instruments.CountingChanged(-1);
            }
        }
    }

    private void OnDiff(TopicDiff diff)
    {
        lock (_pendingGate)
        {
            foreach (var change in _isCounting ? [] : diff.Changes)
            {
                _pending.Add(change);
            }

            (_pendingVersion, _latest) = (diff.Version, diff.View?.Snapshot);
        }

        RequestSend();
    }

    /// <summary>Sends one message. Calls never overlap; only they change <see cref="_shown"/>.</summary>
    private async ValueTask SendAsync()
    {
        IReadOnlyList<PresenceChange> changes;
        TopicSnapshot? latest;
        bool wasCounting, isCounting;
        lock (_pendingGate)
        {
            changes = _pending.Drain();
            _version = Math.Max(_version, _pendingVersion);
            latest = _latest;
            wasCounting = _isCounting;
            isCounting = _isCounting = wasCounting && _adaptive!.IsCounting(latest!.Count, true);
        }

        if (server.IsLeaving)
        {
            // The sockets are about to close; the leaves of a whole node would be of no use to their clients.
            return;
        }

        if (isCounting)
        {
            await SendCountsAsync(latest!);
            return;
        }

        if (wasCounting)
        {
            EndCounting(latest!);
        }

        await SendMembersAsync(changes);
        if (_adaptive?.IsCounting(latest!.Count, false) is true)
        {
            BeginCounting();
            await SendCountsAsync(latest!);
        }
    }

    private async ValueTask SendMembersAsync(IReadOnlyList<PresenceChange> changes)
    {
        if (changes.Count > 0)
        {
            _state = null;
            _shown.Apply(changes);
            _cursors?.Reset();
        }

        bool needsState, hasNewcomers;
        lock (_gate)
        {
            _cursors?.Trim();
            foreach (var cursor in _newcomers.Select(channel => channel.Cursor).OfType<TopicCursor>())
            {
                Cursors.Find(cursor, _subscription!, _version);
            }

            hasNewcomers = _newcomers.Count > 0;
            needsState = _state is null && _newcomers.Exists(NeedsState);
        }

        if (_fetch is null)
        {
            Notify(changes, null, hasState: true);
            return;
        }

        if (changes.Count == 0 && !hasNewcomers)
        {
            return;
        }

        PresenceChange[] fetched = [.. changes, .. _cursors?.AllMissed() ?? []];
        var fetches = fetched.Length > 0 || needsState;
        var fields = fetches ? await FetchAsync(fetched, needsState) : null;
        Notify(changes, fields, hasState: needsState || _state is not null);
        if (fetches && fields is null)
        {
            // Messages without fields are only for the channels that waited for them; the next one fetches again.
            _state = null;
            _cursors?.Forget();
        }
    }

    private void Notify(
        IReadOnlyList<PresenceChange> changes, IReadOnlyDictionary<string, byte[]>? fields, bool hasState)
    {
        lock (_gate)
        {
            if (view is null)
            {
                SendChanges(changes, fields, isOfView: false);
            }
            else
            {
                // What came into view or went out of it is never in one message with joins and leaves.
                SendChanges([.. changes.Where(change => !change.IsOfView)], fields, isOfView: false);
                SendChanges([.. changes.Where(change => change.IsOfView)], fields, isOfView: true);
            }

            if (_newcomers.Count > 0)
            {
                SendFirst(fields, hasState);
            }
        }
    }

    private void SendChanges(
        IReadOnlyList<PresenceChange> changes, IReadOnlyDictionary<string, byte[]>? fields, bool isOfView)
    {
        if (_channels.Count == 0 || changes.Count == 0)
        {
            return;
        }

        var payload = PresencePayloads.Diff(changes, fields);
        if (isOfView)
        {
            payload = PresencePayloads.OfView(payload);
        }

        var shared = new SharedPayload(payload);
        var message = new EncodedBroadcast(topic, PhoenixEvents.PresenceDiff, shared.Payload);
        SharedPayload? withCursor = null;
        foreach (var channel in _channels)
        {
            if (channel.WantsCursors)
            {
                withCursor ??= new SharedPayload(PresencePayloads.WithCursor(payload, Cursors.Text));
                channel.SendShared(PhoenixEvents.PresenceDiff, withCursor);
            }
            else
            {
                channel.DeliverDiff(message, shared);
            }
        }

        Sent(_channels.Count, payload.Length);
        server.Instruments.DiffSent();
    }

    /// <summary>Sends to each new channel what it has missed, or the state.</summary>
    private void SendFirst(IReadOnlyDictionary<string, byte[]>? fields, bool hasState)
    {
        var waiting = new List<ChannelActor>(0);
        foreach (var channel in _newcomers)
        {
            if (channel.Cursor is { } cursor && !Cursors.TryGet(cursor, out _) || NeedsState(channel) && !hasState)
            {
                // It came during a fetch that was not for it, and waits for the next message.
                waiting.Add(channel);
                continue;
            }

            var bytes = NeedsState(channel) ? SendState(channel, fields) : SendMissed(channel, fields);
            _channels.Add(channel);
            Sent(1, bytes);
        }

        _newcomers = waiting;
        if (_channels.Count == 1)
        {
            // One client alone: the state is encoded again if another one comes.
            _state = null;
        }
    }

    private int SendState(ChannelActor channel, IReadOnlyDictionary<string, byte[]>? fields)
    {
        var state = _state ??= new SharedPayload(PresencePayloads.State(_shown.Current, fields));
        channel.SendShared(PhoenixEvents.PresenceState, state);
        if (channel.Cursor is not null)
        {
            server.Instruments.CursorUsed("state");
        }

        if (channel.WantsCursors)
        {
            channel.SendShared(PhoenixEvents.PresenceCursor, Cursors.Message);
        }

        return state.Closed.Length;
    }

    private int SendMissed(ChannelActor channel, IReadOnlyDictionary<string, byte[]>? fields)
    {
        Cursors.TryGet(channel.Cursor!, out var missed);
        var payload = missed!.Encode(fields, Cursors.Text);
        channel.SendShared(PhoenixEvents.PresenceDiff, payload);
        server.Instruments.CursorUsed("difference");
        return payload.Closed.Length;
    }

    private bool NeedsState(ChannelActor channel) =>
        channel.Cursor is not { } cursor || (Cursors.TryGet(cursor, out var missed) && missed is null);

    /// <returns>The fields to add to each key; null if the fetch failed.</returns>
    private ValueTask<IReadOnlyDictionary<string, byte[]>?> FetchAsync(
        IReadOnlyList<PresenceChange> changes, bool all) =>
        _fetch!.FetchAsync(server, presences, PresenceRoute.ByKey(changes, all ? _shown.Current : []));

    private static bool RemoveFrom(List<ChannelActor> channels, ChannelActor channel)
    {
        var at = channels.IndexOf(channel);
        if (at < 0)
        {
            return false;
        }

        channels[at] = channels[^1];
        channels.RemoveAt(channels.Count - 1);
        return true;
    }
}
