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
internal sealed class PresenceFeed(ChannelServer server, string presences, string topic) : IThreadPoolWorkItem, IDisposable
{
    // Taken inside the shard, and therefore never held for long; the other is held while clients are served.
    private readonly Lock _pendingGate = new();
    private readonly Lock _gate = new();
    private readonly DiffCoalescer _pending = new();
    private readonly Dictionary<string, List<PresenceEntry>> _shown = new(StringComparer.Ordinal);
    private readonly List<ChannelActor> _channels = new(1);
    private readonly List<ChannelActor> _newcomers = new(1);
    private TopicSubscription? _subscription;
    private SharedPayload? _state;
    private ITimer? _timer;
    private bool _scheduled = true;
    private bool _wanted;
    private bool _disposed;
    private long _lastMessage;

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
            Show(entry);
        }

        lock (_pendingGate)
        {
            _scheduled = false;
            if (_wanted)
            {
                Schedule();
            }
        }
    }

    public void Add(ChannelActor channel)
    {
        lock (_gate)
        {
            _newcomers.Add(channel);
        }

        lock (_pendingGate)
        {
            _wanted = true;
            Schedule();
        }
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
        lock (_pendingGate)
        {
            _disposed = true;
            _timer?.Dispose();
        }

        _subscription?.Dispose();
    }

    /// <summary>One message.</summary>
    public void Execute()
    {
        try
        {
            Tell();
        }
        catch (Exception e)
        {
            server.Log.FeedCrashed(e, topic);
        }

        lock (_pendingGate)
        {
            // Counted from the end: where telling takes long, messages become fewer.
            _lastMessage = server.Time.GetTimestamp();
            _scheduled = false;
            if (_wanted)
            {
                Schedule();
            }
        }
    }

    private void OnDiff(TopicDiff diff)
    {
        lock (_pendingGate)
        {
            foreach (var change in diff.Changes)
            {
                _pending.Add(change);
            }

            _wanted = true;
            Schedule();
        }
    }

    private void Schedule()
    {
        if (_scheduled || _disposed)
        {
            return;
        }

        _scheduled = true;
        var wait = _lastMessage == 0
            ? TimeSpan.Zero
            : server.Limits.DiffWindow - server.Time.GetElapsedTime(_lastMessage);
        if (wait <= TimeSpan.Zero)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }

        _timer?.Dispose();
        _timer = server.Time.CreateTimer(static self => ((PresenceFeed)self!).Execute(), this, wait, Timeout.InfiniteTimeSpan);
    }

    private void Tell()
    {
        lock (_gate)
        {
            IReadOnlyList<PresenceChange> changes;
            lock (_pendingGate)
            {
                changes = _pending.Drain();
                _wanted = false;
            }

            if (server.IsLeaving)
            {
                // The clients are about to be closed; the leaves of a whole member would be of no use to them.
                return;
            }

            if (changes.Count > 0)
            {
                TellChanges(changes);
            }

            if (_newcomers.Count > 0)
            {
                TellState();
            }
        }
    }

    private void TellChanges(IReadOnlyList<PresenceChange> changes)
    {
        _state = null;
        foreach (var change in changes)
        {
            if (change.LastShown is { } shown)
            {
                Hide(shown);
            }

            if (change.Kind != PresenceChangeKind.Left)
            {
                Show(change.Entry);
            }
        }

        if (_channels.Count == 0)
        {
            return;
        }

        var message = new EncodedBroadcast(topic, WireEvents.PresenceDiff, ChannelPayload.Trusted(PresencePayloads.Diff(changes)));
        foreach (var channel in _channels)
        {
            channel.Deliver(message);
        }

        server.Instruments.DiffSent();
    }

    private void TellState()
    {
        var state = _state ??= new SharedPayload(PresencePayloads.State(_shown));
        foreach (var channel in _newcomers)
        {
            channel.SendShared(WireEvents.PresenceState, state);
            _channels.Add(channel);
        }

        _newcomers.Clear();
        if (state.Closed.Length > 4096 && _channels.Count == 1)
        {
            // Nobody else is here to ask for it soon; it is written again if somebody comes.
            _state = null;
        }
    }

    private void Show(PresenceEntry entry)
    {
        if (!_shown.TryGetValue(entry.Key, out var entries))
        {
            _shown.Add(entry.Key, entries = new(1));
        }

        entries.Add(entry);
    }

    private void Hide(PresenceEntry entry)
    {
        if (!_shown.TryGetValue(entry.Key, out var entries))
        {
            return;
        }

        entries.RemoveAll(other => other.Process == entry.Process && other.Owner == entry.Owner);
        if (entries.Count == 0)
        {
            _shown.Remove(entry.Key);
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
