using System.Text.Json;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>Serves one client in one topic. Derive from it; one instance serves one join.</summary>
/// <remarks>
/// A channel is an actor: <see cref="JoinAsync"/> runs first, then the other methods one at a time in the order of
/// their messages, and <see cref="TerminateAsync"/> last. An exception ends only this channel: the client gets
/// <c>phx_error</c> and joins again. Constructor parameters come from the application's services.
/// </remarks>
public abstract class Channel
{
    private ChannelActor? _actor;
    private Dictionary<string, object?>? _assigns;

    /// <summary>Gets the joined topic.</summary>
    public string Topic => Actor.Topic;

    /// <summary>Gets the connection.</summary>
    public PresenceSocket Socket => Actor.Connection.Socket;

    /// <summary>Gets values of this channel. Those of the connection: <see cref="PresenceSocket.Assigns"/>.</summary>
    public IDictionary<string, object?> Assigns => _assigns ??= new(StringComparer.Ordinal);

    /// <summary>Gets the tracker of this node.</summary>
    protected IPresenceTracker Tracker => Actor.Server.Node.Tracker;

    /// <summary>Gets the name of this node.</summary>
    protected string NodeName => Actor.Server.Node.Name;

    /// <summary>
    /// Gets whether the client has resumed the session of an earlier join: <see cref="ResumedPresences"/> are still
    /// there. Track them again in <see cref="JoinAsync"/> or <see cref="AfterJoinAsync"/>; the others are then removed.
    /// </summary>
    protected bool Resumed => Actor.IsResumed;

    /// <summary>Gets the presences of the session when it was resumed; empty if it was not.</summary>
    protected IReadOnlyList<PresenceEntry> ResumedPresences => Actor.ResumedPresences;

    /// <summary>Gets a reference to the push that is being handled, for a later <see cref="Reply"/>.</summary>
    /// <exception cref="InvalidOperationException">No push is being handled.</exception>
    protected ReplyRef CurrentRef => Actor.CurrentRef;

    /// <summary>Gets the events whose broadcasts pass through <see cref="HandleOutAsync"/>. Default: none.</summary>
    protected internal virtual IReadOnlyCollection<string> InterceptedEvents => [];

    /// <summary>Gets the handlers of the client's events. Default: none. Return a static object.</summary>
    protected internal virtual ChannelEvents? Events => null;

    internal ChannelActor Actor =>
        _actor ?? throw new InvalidOperationException("Use a channel in JoinAsync and later, not in its constructor.");

    /// <summary>Decides whether the client may join. An exception is answered with <c>join crashed</c>.</summary>
    protected internal abstract ValueTask<JoinResult> JoinAsync(ChannelPayload payload);

    /// <summary>Runs once after the client got the answer to its join, before any other message.</summary>
    protected internal virtual ValueTask AfterJoinAsync() => default;

    /// <summary>
    /// Handles a push of the client. The default calls the handler in <see cref="Events"/>, and answers with the error
    /// <c>unknown event</c> if there is none.
    /// </summary>
    protected internal virtual ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) =>
        Events?.HandleAsync(this, name, payload) ?? new(ChannelResult.Error(PhoenixReasons.UnknownEvent));

    /// <summary>Handles a broadcast of an intercepted event. The default pushes it unchanged.</summary>
    protected internal virtual ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        Push(name, payload);
        return default;
    }

    /// <summary>Handles a message of the server: see <see cref="Send"/> and <see cref="SendAfter"/>.</summary>
    protected internal virtual ValueTask HandleInfoAsync(object message) => default;

    /// <summary>Runs when the channel ends, before its presences are removed. Exceptions are logged.</summary>
    protected internal virtual ValueTask TerminateAsync(ChannelTermination end) => default;

    /// <summary>Sends a message to this client. Does nothing once the channel has ended.</summary>
    /// <exception cref="InvalidOperationException">The client has not joined yet.</exception>
    /// <exception cref="ArgumentException">The event is empty, too long or begins with <c>phx_</c>.</exception>
    protected void Push(string name, ChannelPayload payload = default) => Actor.Push(name, payload);

    /// <summary>Sends a value as JSON to this client.</summary>
    protected void Push<T>(string name, T payload) => Push(name, ChannelPayload.From(payload));

    /// <summary>Answers a push that got no answer when it was handled.</summary>
    protected void Reply(ReplyRef to, ChannelReply reply) => Actor.Reply(to.Value, reply);

    /// <summary>Sends to every client of this topic on every node, this one included.</summary>
    /// <exception cref="ArgumentException">The event is empty, too long or begins with <c>phx_</c>.</exception>
    protected void Broadcast(string name, ChannelPayload payload = default) =>
        Actor.Broadcast(name, payload, null);

    /// <summary>Sends a value as JSON to every client of this topic on every node, this one included.</summary>
    protected void Broadcast<T>(string name, T payload) => Broadcast(name, ChannelPayload.From(payload));

    /// <summary>Sends to every client of this topic on every node but this one.</summary>
    protected void BroadcastFrom(string name, ChannelPayload payload = default) =>
        Actor.Broadcast(name, payload, Actor);

    /// <summary>Queues a message for <see cref="HandleInfoAsync"/>. Thread-safe.</summary>
    /// <returns>False if the channel has ended or its mailbox is full: the message is dropped and counted.</returns>
    public bool Send(object message) => Actor.PostInfo(message);

    /// <summary>Queues a message later. Dispose the timer to cancel it; it ends with the channel.</summary>
    protected IDisposable SendAfter(object message, TimeSpan after) => Actor.SendAfter(message, after);

    /// <summary>Ends the channel after the current message. The client does not rejoin.</summary>
    protected void Stop() => Actor.RequestStop();

    /// <summary>Subscribes to a pub/sub topic; <see cref="HandleInfoAsync"/> gets its messages.</summary>
    protected void Subscribe(string topic) => Actor.Subscribe(topic);

    /// <summary>Tracks a presence of this client until it is untracked or the channel ends.</summary>
    /// <param name="key">The key, such as a user's ID.</param>
    /// <param name="meta">The metadata.</param>
    /// <param name="topic">The tracker's topic; the channel's own if null.</param>
    /// <param name="cancellation">Cancels the call before it begins.</param>
    /// <exception cref="AlreadyTrackedException">This channel already tracks the key in the topic.</exception>
    protected ValueTask<PresenceEntry> TrackAsync(
        string key, PresenceMeta meta = default, string? topic = null, CancellationToken cancellation = default) =>
        Own(topic ?? Topic, key, Tracker.TrackAsync(Actor.PresenceSession, topic ?? Topic, key, meta, cancellation));

    /// <summary>Replaces the metadata of a presence of this channel.</summary>
    /// <exception cref="NotTrackedException">This channel does not track the key in the topic.</exception>
    protected ValueTask<PresenceEntry> UpdateAsync(
        string key, PresenceMeta meta, string? topic = null, CancellationToken cancellation = default) =>
        Own(topic ?? Topic, key, Tracker.UpdateAsync(Actor.PresenceSession, topic ?? Topic, key, meta, cancellation));

    /// <summary>Replaces the metadata with the result of a function of the current entry.</summary>
    /// <exception cref="NotTrackedException">This channel does not track the key in the topic.</exception>
    protected ValueTask<PresenceEntry> UpdateAsync(
        string key,
        Func<PresenceEntry, PresenceMeta> update,
        string? topic = null,
        CancellationToken cancellation = default) =>
        Own(topic ?? Topic, key, Tracker.UpdateAsync(Actor.PresenceSession, topic ?? Topic, key, update, cancellation));

    /// <summary>Tracks a presence whose metadata have a type, in the topic of that type.</summary>
    /// <exception cref="AlreadyTrackedException">This channel already tracks the key in the topic.</exception>
    protected ValueTask<PresenceEntry> TrackAsync<T>(
        Topic<T> topic, string key, T meta, CancellationToken cancellation = default) =>
        Own(topic.Name, key, Tracker.TrackAsync(Actor.PresenceSession, topic, key, meta, cancellation));

    /// <summary>Replaces the metadata of a presence; fields that the type does not know are kept.</summary>
    /// <exception cref="NotTrackedException">This channel does not track the key in the topic.</exception>
    protected ValueTask<PresenceEntry> UpdateAsync<T>(
        Topic<T> topic, string key, T meta, CancellationToken cancellation = default) =>
        Own(topic.Name, key, Tracker.UpdateAsync(Actor.PresenceSession, topic, key, meta, cancellation));

    /// <summary>Changes the metadata of a presence; fields that the type does not know are kept.</summary>
    /// <exception cref="NotTrackedException">This channel does not track the key in the topic.</exception>
    /// <exception cref="PresenceMetaException">The current metadata do not fit the type; nothing changed.</exception>
    protected ValueTask<PresenceEntry> UpdateAsync<T>(
        Topic<T> topic, string key, Func<T, T> update, CancellationToken cancellation = default) =>
        Own(topic.Name, key, Tracker.UpdateAsync(Actor.PresenceSession, topic, key, update, cancellation));

    /// <summary>Removes a presence of this channel.</summary>
    /// <returns>False if there was none.</returns>
    protected ValueTask<bool> UntrackAsync(
        string key, string? topic = null, CancellationToken cancellation = default)
    {
        Actor.OnOwnEnd(topic ?? Topic, key);
        return Tracker.UntrackAsync(Actor.PresenceSession, topic ?? Topic, key, cancellation);
    }

    /// <summary>Returns the presences of a topic.</summary>
    protected TopicSnapshot List(string? topic = null) => Tracker.List(topic ?? Topic);

    /// <summary>Returns the presences under one key; empty if there are none.</summary>
    protected IReadOnlyList<PresenceEntry> GetByKey(string key, string? topic = null) =>
        Tracker.GetByKey(topic ?? Topic, key);

    /// <summary>
    /// Sends the client <c>presence_state</c> once, then a <c>presence_diff</c> for each change after it. If called in
    /// <see cref="JoinAsync"/>, the state follows the answer. Only the first call of a channel has an effect.
    /// </summary>
    /// <param name="topic">The tracker's topic; the channel's own if null.</param>
    /// <param name="alwaysMembers">
    /// Whether the client receives members also while the topic is sent as counts
    /// (<see cref="TrackerOptions.AddAdaptive"/>). Default false.
    /// </param>
    protected void PushPresence(string? topic = null, bool alwaysMembers = false) =>
        Actor.PushPresence(topic ?? Topic, alwaysMembers);

    internal void Attach(ChannelActor actor) => _actor = actor;

    private ValueTask<PresenceEntry> Own(string topic, string key, ValueTask<PresenceEntry> change) =>
        Actor.OnOwnChangeAsync(topic, key, change);
}
