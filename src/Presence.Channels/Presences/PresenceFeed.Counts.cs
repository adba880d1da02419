using Presence.Channels.Runtime;
using Presence.Channels.Wire;
using Presence.Node.CountsOnly;
using Presence.Tracker;
using Presence.Tracker.Counts;

namespace Presence.Channels.Presences;

/// <summary>Sends counts instead of members while an adaptive topic is large.</summary>
/// <remarks>
/// A switch is announced by <c>presence_mode</c>. Before counts comes the last diff; after them come the members, as
/// for a channel that has just joined.
/// </remarks>
internal sealed partial class PresenceFeed
{
    private static readonly SharedPayload CountsMode = new("""{"mode":"counts"}"""u8);
    private static readonly SharedPayload MembersMode = new("""{"mode":"members"}"""u8);

    private readonly AdaptiveMode? _adaptive =
        view is null && !alwaysMembers ? server.Node.Tracker.AdaptiveOf(presences) : null;

    // Guarded by _pendingGate, as what is pending.
    private TopicSnapshot? _latest;
    private bool _isCounting;

    private CountsSubscription? _countsSubscription;
    private TopicSample? _sample;
    private IReadOnlyList<PresenceEntry>? _shownSample;
    private IReadOnlyDictionary<string, byte[]>? _sampleFields;

    // Guarded by _gate. Null until the first message with counts.
    private CountsMessage? _counts;

    /// <summary>
    /// Sends counts to a channel whose own presences have changed, in the next period even if the numbers are the same.
    /// </summary>
    /// <param name="tracked">The topic of those presences.</param>
    public void RequestSample(string tracked)
    {
        lock (_pendingGate)
        {
            if (_isCounting && tracked == presences)
            {
                RequestSend();
            }
        }
    }

    /// <summary>Follows the counts of a counts-only topic, which has no members.</summary>
    private void StartCounting()
    {
        _countsSubscription = server.Node.Tracker.CountsOnly!.Subscribe(presences, OnCounts);
        lock (_pendingGate)
        {
            _latest ??= _countsSubscription.Counted;
        }

        BeginCounting();
    }

    private void OnCounts(TopicSnapshot counted)
    {
        lock (_pendingGate)
        {
            _latest = counted;
        }

        RequestSend();
    }

    /// <summary>Drops the members and what waits to be sent: later messages count.</summary>
    private void BeginCounting()
    {
        _state = null;
        _shown.Reset(new TopicSnapshot(presences));
        lock (_pendingGate)
        {
            _pending.Drain();
            _isCounting = !_disposed;
            server.Instruments.CountingChanged(_isCounting ? 1 : 0);
        }
    }

    private async ValueTask SendCountsAsync(TopicSnapshot topic)
    {
        _sample ??= new TopicSample(_adaptive!);
        var hasSample = _sample.Update(topic);
        if (!ReferenceEquals(_shownSample, _sample.Entries))
        {
            _shownSample = _sample.Entries;
            _sampleFields = _fetch is null
                ? null
                : await _fetch.FetchAsync(server, presences, PresenceRoute.ByKey([], _shownSample));
        }

        lock (_gate)
        {
            var isFirst = _counts is null;
            var isChanged = isFirst || hasSample || !_counts!.HasNumbersOf(topic);
            var receivers = isChanged ? _channels : _channels.FindAll(static channel => channel.NeedsSample);
            if (isChanged || receivers.Count > 0)
            {
                _counts = new CountsMessage(topic, server.Time.GetUtcNow(), _shownSample, _sampleFields);
            }

            var bytes = 0;
            foreach (var channel in receivers)
            {
                bytes = Math.Max(bytes, SendCounts(channel, isFirst, hasSample));
            }

            Sent(receivers.Count, bytes);
            foreach (var channel in _newcomers)
            {
                SendCounts(channel, isFirst: true, hasSample: true);
            }

            _channels.AddRange(_newcomers);
            _newcomers = new(1);
        }

        if (_sample.IsDirty)
        {
            // Its turn comes even if nothing changes any more.
            RequestSend();
        }
    }

    /// <summary>Makes the members what all channels receive next. Called under no lock, by the sender.</summary>
    private void EndCounting(TopicSnapshot topic)
    {
        (_sample, _shownSample, _sampleFields) = (null, null, null);
        _shown.Reset(topic);
        _cursors?.Reset();
        _state = null;
        lock (_gate)
        {
            _counts = null;
            foreach (var channel in _channels)
            {
                channel.SendShared(PhoenixEvents.PresenceMode, MembersMode);
            }

            _newcomers.AddRange(_channels);
            _channels.Clear();
        }

        server.Instruments.CountingChanged(-1);
    }

    private int SendCounts(ChannelActor channel, bool isFirst, bool hasSample)
    {
        if (isFirst)
        {
            // The client gives up its members, for which the cursor stood.
            channel.ForgetCursor();
            channel.SendShared(PhoenixEvents.PresenceMode, CountsMode);
        }

        var payload = isFirst || hasSample || channel.NeedsSample
            ? _counts!.WithSample(channel.TakeOwn(_counts.Topic))
            : _counts!.Numbers;
        channel.SendShared(PhoenixEvents.PresenceCounts, payload);
        return payload.Closed.Length;
    }
}

/// <summary>The messages with the counts of a topic at one time, encoded once for all who receive the same.</summary>
internal sealed class CountsMessage(
    TopicSnapshot topic,
    DateTimeOffset at,
    IReadOnlyList<PresenceEntry> sample,
    IReadOnlyDictionary<string, byte[]>? fields)
{
    private SharedPayload? _numbers;
    private SharedPayload? _withSample;

    public TopicSnapshot Topic => topic;

    /// <summary>Gets the message without a sample.</summary>
    public SharedPayload Numbers => _numbers ??= new(PresencePayloads.Counts(topic, at, null, null));

    public bool HasNumbersOf(TopicSnapshot other) => topic.Count == other.Count && topic.KeyCount == other.KeyCount;

    /// <summary>Returns the message with the sample, to which a channel's own presences are added.</summary>
    public SharedPayload WithSample(IReadOnlyList<PresenceEntry> own)
    {
        PresenceEntry[] added = [.. own.Where(entry => !sample.Any(entry.IsSamePresence))];
        return added.Length > 0 ? With([.. sample, .. added]) : _withSample ??= With(sample);
    }

    private SharedPayload With(IReadOnlyList<PresenceEntry> sent)
    {
        var ofKeys = sent.OrderBy(entry => entry.Key, StringComparer.Ordinal);
        return new SharedPayload(PresencePayloads.Counts(topic, at, ofKeys, fields));
    }
}
