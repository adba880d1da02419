using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>
/// Tells the channels of one topic on this member who is present: each message is written once, and every client gets the
/// state as of one message and then exactly the messages after it.
/// </summary>
/// <remarks>
/// Changes gather between two messages. A newcomer waits for the next message and is given the state behind it, so that a
/// thousand joins cost as many states as there were messages and not a thousand.
/// </remarks>
internal sealed partial class PresenceFeed(ChannelServer server, string presences, string topic)
    : IThreadPoolWorkItem, IDisposable
{
    // Taken by the tracker's dispatcher, and therefore never held for long; the other is held while clients are served.
    private readonly Lock _pendingGate = new();
    private readonly Lock _gate = new();
    private readonly DiffCoalescer _pending = new();
    private readonly ShownPresences _shown = new();
    private readonly PresenceRoute? _fetch = server.Presences.FirstOrDefault(r => r.Fetches && r.Topics.Matches(presences));
    private readonly List<ChannelActor> _channels = new(1);
    private List<ChannelActor> _newcomers = new(1);
    private TopicSubscription? _subscription;
    private SharedPayload? _state;

    /// <summary>The tracker's topic.</summary>
    public string Presences => presences;

    /// <summary>The channels' topic.</summary>
    public string Topic => topic;

    /// <summary>Takes the snapshot; changes after it gather from the first moment on.</summary>
    public void Start()
    {
        _subscription = server.Node.Tracker.Subscribe(presences, OnDiff);
        foreach (var entry in _subscription.Snapshot)
        {
            _shown.Show(entry);
        }

        Open();
    }

    public void Add(ChannelActor channel)
    {
        lock (_gate)
        {
            _newcomers.Add(channel);
        }

        Want();
    }

    /// <returns>True if it was the last.</returns>
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
    }

    private void OnDiff(TopicDiff diff)
    {
        lock (_pendingGate)
        {
            foreach (var change in diff.Changes)
            {
                _pending.Add(change);
            }
        }

        Want();
    }

    /// <summary>One message. Nobody else is at it: <see cref="_shown"/> changes here alone.</summary>
    private async ValueTask TellAsync()
    {
        IReadOnlyList<PresenceChange> changes;
        lock (_pendingGate)
        {
            changes = _pending.Drain();
        }

        if (server.IsLeaving)
        {
            // The clients are about to be closed; the leaves of a whole member would be of no use to them.
            return;
        }

        if (changes.Count > 0)
        {
            _state = null;
            _shown.Apply(changes);
        }

        if (_fetch is null)
        {
            Tell(changes, null);
            return;
        }

        bool stateWanted;
        lock (_gate)
        {
            stateWanted = _newcomers.Count > 0 && _state is null;
            if (changes.Count == 0 && !stateWanted && _newcomers.Count == 0)
            {
                return;
            }
        }

        var fetches = changes.Count > 0 || stateWanted;
        var fields = fetches ? await FetchAsync(_fetch.Presence, changes, stateWanted) : null;
        Tell(changes, fields, stateWanted || _state is not null);
        if (fetches && fields is null)
        {
            // A bare state is for those who waited for it; whoever comes next asks again.
            _state = null;
        }
    }

    private void Tell(
        IReadOnlyList<PresenceChange> changes, IReadOnlyDictionary<string, byte[]>? fields, bool stateKnown = true)
    {
        lock (_gate)
        {
            if (changes.Count > 0)
            {
                TellChanges(changes, fields);
            }

            // Who came during a fetch that was not for a state waits for the next message.
            if (_newcomers.Count > 0 && stateKnown)
            {
                TellState(fields);
            }
        }
    }

    private void TellChanges(IReadOnlyList<PresenceChange> changes, IReadOnlyDictionary<string, byte[]>? fields)
    {
        if (_channels.Count == 0)
        {
            return;
        }

        var payload = PresencePayloads.Diff(changes, fields);
        var shared = new SharedPayload(payload);
        var message = new EncodedBroadcast(topic, WireEvents.PresenceDiff, shared.Payload);
        foreach (var channel in _channels)
        {
            channel.DeliverDiff(message, shared);
        }

        Told(_channels.Count, payload.Length);
        server.Instruments.DiffSent();
    }

    private void TellState(IReadOnlyDictionary<string, byte[]>? fields)
    {
        var state = _state ??= new SharedPayload(PresencePayloads.State(_shown.ByKey, fields));
        foreach (var channel in _newcomers)
        {
            channel.SendShared(WireEvents.PresenceState, state);
            _channels.Add(channel);
        }

        Told(_newcomers.Count, state.Closed.Length);
        _newcomers = new(0);
        if (_channels.Count == 1)
        {
            // Nobody else is here to ask for it soon; it is written again if somebody comes.
            _state = null;
        }
    }

    /// <returns>What to add to each key; null if it could not be had.</returns>
    private async ValueTask<IReadOnlyDictionary<string, byte[]>?> FetchAsync(
        ChannelPresence presence, IReadOnlyList<PresenceChange> changes, bool all)
    {
        using var timeout = new CancellationTokenSource(server.Limits.FetchTimeout, server.Time);
        try
        {
            var fetch = new PresenceFetch(presences, _shown.Concerned(changes, all));
            var fetching = presence.FetchAsync(fetch, timeout.Token);
            if (!fetching.IsCompletedSuccessfully)
            {
                await fetching.AsTask().WaitAsync(timeout.Token);
            }

            return fetch.Written();
        }
        catch (Exception e)
        {
            server.Log.FetchFailed(e, presences);
            server.Instruments.Crashed("fetch");
            return null;
        }
    }

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
