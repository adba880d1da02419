using System.Text.Json;
using Presence.Channels.Presences;
using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Runtime;

/// <summary>What the channel itself has in adaptive topics, and pages of the presences that it shows.</summary>
internal sealed partial class ChannelActor
{
    private const int DefaultPage = 100;
    private const int MaxPage = 1000;

    private List<(string Topic, string Key)>? _own;
    private int _needsSample;

    /// <summary>Gets whether the client receives members, however large the topic is.</summary>
    public bool AlwaysMembers { get; private set; }

    /// <summary>
    /// Remembers that the channel has changed its presence of a key, for the samples of its client. Not before it has:
    /// what the tracker rejects would be remembered for ever.
    /// </summary>
    public ValueTask<PresenceEntry> OnOwnChangeAsync(string topic, string key, ValueTask<PresenceEntry> change) =>
        Server.Node.Tracker.AdaptiveOf(topic) is null ? change : RememberAsync(topic, key, change);

    private async ValueTask<PresenceEntry> RememberAsync(string topic, string key, ValueTask<PresenceEntry> change)
    {
        var entry = await change;
        PresenceFeed? feed;
        lock (_resourcesGate)
        {
            _own ??= new(1);
            if (!_own.Contains((topic, key)))
            {
                _own.Add((topic, key));
            }

            feed = _feed;
        }

        Volatile.Write(ref _needsSample, 1);
        feed?.RequestSample(topic);
        return entry;
    }

    /// <summary>Forgets a key that the channel no longer has.</summary>
    public void OnOwnEnd(string topic, string key)
    {
        lock (_resourcesGate)
        {
            _own?.Remove((topic, key));
        }
    }

    /// <summary>Gets whether the client has to receive a sample because of a change of its own.</summary>
    public bool NeedsSample => Volatile.Read(ref _needsSample) != 0;

    /// <summary>Returns the channel's own presences in a topic, to send them in a sample.</summary>
    public IReadOnlyList<PresenceEntry> TakeOwn(TopicSnapshot topic)
    {
        Volatile.Write(ref _needsSample, 0);
        PresenceSession? session;
        string[] keys;
        lock (_resourcesGate)
        {
            session = _presenceSession;
            keys = _own is null ? [] : [.. _own.Where(one => one.Topic == topic.Topic).Select(one => one.Key)];
        }

        if (session is null || keys.Length == 0)
        {
            return [];
        }

        PresenceEntry[] own =
            [.. keys.SelectMany(topic.GetByKey).Where(entry => session.Owns(entry, Server.Node.Name))];
        if (own.Length < keys.Length)
        {
            // Counted before the channel tracked it.
            Volatile.Write(ref _needsSample, 1);
        }

        return own;
    }

    public void ForgetCursor() => Cursor = null;

    /// <summary>Answers requests about the presences that the channel pushes; false for other events.</summary>
    private async ValueTask<bool> AnswerAboutPresencesAsync(ChannelMessage message)
    {
        switch (message.Event)
        {
            case PhoenixEvents.PresenceView:
                ChangeView(message.Ref, message.Payload);
                return true;
            case PhoenixEvents.PresencePage:
                Reply(message.Ref, await PageAsync(message.Payload));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Answers <c>presence_page</c>: keys in order, whatever the size of the topic.</summary>
    private async ValueTask<ChannelReply> PageAsync(ChannelPayload payload)
    {
        string? after = null;
        var limit = DefaultPage;
        if (Parameter(payload, "after"u8) is { ValueKind: not JsonValueKind.Null } start)
        {
            if (start.ValueKind != JsonValueKind.String)
            {
                return ChannelReply.Error(PhoenixReasons.Because("after must be the key that the last page gave."));
            }

            after = start.GetString()!;
        }

        if (Parameter(payload, "limit"u8) is { ValueKind: not JsonValueKind.Null } number
            && (number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out limit)
                || limit is < 1 or > MaxPage))
        {
            return ChannelReply.Error(PhoenixReasons.Because($"limit must be a whole number from 1 to {MaxPage}."));
        }

        PresencePage page;
        try
        {
            page = await Server.Node.Tracker.PageAsync(_pushedTopic!, after, limit);
        }
        catch (Exception e) when (e is TimeoutException or PresenceLimitException)
        {
            return ChannelReply.Error(PhoenixReasons.Because(e.Message));
        }

        var fields = Server.FetchOf(_pushedTopic!) is { } route
            ? await route.FetchAsync(Server, _pushedTopic!, PresenceRoute.ByKey([], page.Entries))
            : null;
        return ChannelReply.Ok(ChannelPayload.Trusted(PresencePayloads.Page(page, fields)));
    }
}
