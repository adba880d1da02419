using System.Text.Json;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>One client in one topic. Derive from it; one instance serves one join.</summary>
/// <remarks>
/// A channel is an actor: <see cref="JoinAsync"/> first, then the other methods one at a time, in the order in which their
/// messages came, and <see cref="TerminateAsync"/> last. An exception ends this channel alone: the client gets
/// <c>phx_error</c> and joins again. Constructor parameters come from the application's services.
/// </remarks>
public abstract class Channel
{
    private ChannelActor? _actor;

    /// <summary>The topic that was joined.</summary>
    public string Topic => Actor.Topic;

    /// <summary>The connection.</summary>
    public PresenceSocket Socket => Actor.Session.Socket;

    /// <summary>The tracker that holds the presences of this member's application.</summary>
    protected IPresenceTracker Tracker => Actor.Server.Node.Tracker;

    /// <summary>Name of this member.</summary>
    protected string NodeName => Actor.Server.Node.Name;

    /// <summary>Names the push that is being handled, for an answer later.</summary>
    /// <exception cref="InvalidOperationException">No push is being handled.</exception>
    protected ReplyRef CurrentRef => Actor.CurrentRef;

    /// <summary>Events whose broadcasts pass through <see cref="HandleOutAsync"/> on their way to this client.</summary>
    protected internal virtual IReadOnlyCollection<string> InterceptedEvents => [];

    internal ChannelActor Actor =>
        _actor ?? throw new InvalidOperationException("A channel can be used from JoinAsync on, not in its constructor.");

    /// <summary>Decides whether the client may join. An exception is answered with <c>join crashed</c>.</summary>
    protected internal abstract ValueTask<JoinResult> JoinAsync(ChannelPayload payload);

    /// <summary>Runs once after the client has been told that it is in, before anything else: the place to push first.</summary>
    protected internal virtual ValueTask AfterJoinAsync() => default;

    /// <summary>A push of the client. Unless overridden it is answered with the error <c>unknown event</c>.</summary>
    protected internal virtual ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) =>
        new(ChannelResult.Error(WireReasons.UnknownEvent));

    /// <summary>A broadcast of an intercepted event. Unless overridden it is pushed as it is.</summary>
    protected internal virtual ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        Push(name, payload);
        return default;
    }

    /// <summary>A message of the server: see <see cref="Send"/> and <see cref="SendAfter"/>.</summary>
    protected internal virtual ValueTask HandleInfoAsync(object message) => default;

    /// <summary>The channel ends. What it throws is logged. Presences it tracked end after it.</summary>
    protected internal virtual ValueTask TerminateAsync(ChannelEnd end) => default;

    /// <summary>Sends to this client. Does nothing once the channel has ended.</summary>
    /// <exception cref="InvalidOperationException">The client has not joined yet.</exception>
    /// <exception cref="ArgumentException">The event is empty, too long or begins with <c>phx_</c>.</exception>
    protected void Push(string name, ChannelPayload payload = default) => Actor.Push(name, payload);

    /// <summary>Sends a value as JSON to this client.</summary>
    protected void Push<T>(string name, T payload) => Push(name, ChannelPayload.From(payload));

    /// <summary>Answers a push that got no answer when it was handled.</summary>
    protected void Reply(ReplyRef to, ChannelReply reply) => Actor.Reply(to.Value, reply);

    /// <summary>Sends to every client of this topic on every member, this one included.</summary>
    /// <exception cref="ArgumentException">The event is empty, too long or begins with <c>phx_</c>.</exception>
    protected void Broadcast(string name, ChannelPayload payload = default) =>
        Actor.Server.Broadcaster.Broadcast(Topic, name, payload);

    /// <summary>Sends a value as JSON to every client of this topic on every member, this one included.</summary>
    protected void Broadcast<T>(string name, T payload) => Broadcast(name, ChannelPayload.From(payload));

    /// <summary>Sends to every client of this topic on every member but this one.</summary>
    protected void BroadcastFrom(string name, ChannelPayload payload = default) =>
        Actor.Server.Broadcaster.Broadcast(Topic, name, payload, Actor);

    /// <summary>Puts a message for <see cref="HandleInfoAsync"/> into this channel's mailbox, from any thread.</summary>
    /// <returns>False if the channel has ended or its mailbox is full; then the message is dropped and counted.</returns>
    public bool Send(object message) => Actor.PostInfo(message);

    /// <summary>The same after a while. The timer dies with the channel; dispose it to call it off.</summary>
    protected IDisposable SendAfter(object message, TimeSpan after) => Actor.SendAfter(message, after);

    /// <summary>Ends the channel normally once the present message has been handled. The client does not rejoin.</summary>
    protected void Stop() => Actor.RequestStop();

    /// <summary>Hears a pub/sub topic besides its own; messages come to <see cref="HandleInfoAsync"/> as <see cref="PubSubMessage"/>.</summary>
    protected void Subscribe(string topic) => Actor.Subscribe(topic);

    /// <summary>Makes this client present until it is untracked or the channel ends.</summary>
    /// <param name="key">Who.</param>
    /// <param name="meta">What is said about it.</param>
    /// <param name="topic">Where; the channel's topic if null.</param>
    /// <exception cref="AlreadyTrackedException">This channel is already present there under the key.</exception>
    protected ValueTask<PresenceEntry> TrackAsync(string key, PresenceMeta meta = default, string? topic = null) =>
        Tracker.TrackAsync(Actor.Process, topic ?? Topic, key, meta);

    /// <summary>Replaces the metadata.</summary>
    /// <exception cref="NotTrackedException">This channel is not present there under the key.</exception>
    protected ValueTask<PresenceEntry> UpdateAsync(string key, PresenceMeta meta, string? topic = null) =>
        Tracker.UpdateAsync(Actor.Process, topic ?? Topic, key, meta);

    /// <summary>Replaces the metadata by a function of the entry as it is.</summary>
    /// <exception cref="NotTrackedException">This channel is not present there under the key.</exception>
    protected ValueTask<PresenceEntry> UpdateAsync(
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        string? topic = null) => Tracker.UpdateAsync(Actor.Process, topic ?? Topic, key, update);

    /// <summary>Ends a presence of this channel.</summary>
    /// <returns>False if there was none.</returns>
    protected ValueTask<bool> UntrackAsync(string key, string? topic = null) =>
        Tracker.UntrackAsync(Actor.Process, topic ?? Topic, key);

    /// <summary>Who is present.</summary>
    protected TopicSnapshot List(string? topic = null) => Tracker.List(topic ?? Topic);

    /// <summary>The presences under one key; empty if there are none.</summary>
    protected IReadOnlyList<PresenceEntry> GetByKey(string key, string? topic = null) => Tracker.GetByKey(topic ?? Topic, key);

    /// <summary>
    /// Shows the client who is present: <c>presence_state</c> once, then a <c>presence_diff</c> for what changes, so that
    /// the two always fit. May be called in <see cref="JoinAsync"/>; the state then follows the answer.
    /// </summary>
    /// <param name="topic">The tracker's topic; the channel's own if null. One per channel: a later call does nothing.</param>
    protected void ShowPresence(string? topic = null) => Actor.ShowPresence(topic ?? Topic);

    internal void Attach(ChannelActor actor) => _actor = actor;
}
