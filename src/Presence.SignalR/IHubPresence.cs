using Microsoft.AspNetCore.SignalR;
using Presence.Node;
using Presence.Tracker;
using Presence.Tracker.Options;

namespace Presence.SignalR;

/// <summary>Presence of a hub's connections. Inject it into hubs.</summary>
/// <remarks>
/// <para>A connection's presences end with it, also when its server crashes. Each server sends to its own connections:
/// a SignalR backplane is neither needed nor used.</para>
/// <para>A message of <see cref="IPresenceTracker.SendToKeyAsync"/> calls the client's method of its name with its
/// payload, on each connection that is present under the key; not in an Orleans client.</para>
/// <para>Call the methods inside a hub method with the hub itself. Errors are <see cref="HubException"/>, whose message
/// reaches the client: not allowed by the <see cref="IPresenceAuthorizer"/>, topic, key or metadata too large, a
/// malformed view, already or not tracked, too many presences or topics of the connection, or the connection is
/// closed.</para>
/// </remarks>
/// <example>
/// <code>
/// using Microsoft.AspNetCore.SignalR;
/// using Presence.SignalR;
///
/// public sealed class ChatRoomHub(IHubPresence presence) : Hub
/// {
///     public async Task Join(string room)
///     {
///         await presence.TrackAsync(this, room, Context.UserIdentifier!);
///         await presence.PushPresenceAsync(this, room);
///     }
/// }
/// </code>
/// </example>
public interface IHubPresence
{
    /// <summary>Makes the connection present in a topic under a key.</summary>
    Task TrackAsync(Hub hub, string topic, string key, PresenceMeta meta = default);

    /// <summary>Replaces the metadata of a presence of the connection.</summary>
    Task UpdateAsync(Hub hub, string topic, string key, PresenceMeta meta);

    /// <summary>Replaces the metadata of a presence of the connection with a function of the current ones.</summary>
    Task UpdateAsync(Hub hub, string topic, string key, Func<PresenceMeta, PresenceMeta> update);

    /// <summary>Ends a presence of the connection. Returns false if there is none.</summary>
    Task<bool> UntrackAsync(Hub hub, string topic, string key);

    /// <summary>Ends all presences of the connection at once, whatever the grace.</summary>
    Task LeaveAsync(Hub hub);

    /// <summary>
    /// Calls the client's method <c>PresenceState</c> with the presences of a topic (<see cref="HubPresenceState"/>),
    /// and then <c>PresenceDiff</c> with every change (<see cref="HubPresenceDiff"/>), until the connection ends or
    /// <see cref="StopPushAsync"/>. A client that does not keep up receives a new state. Of an adaptive topic that is
    /// large, calls <c>PresenceMode</c> (<see cref="HubPresenceMode"/>) and <c>PresenceCounts</c>
    /// (<see cref="HubPresenceCounts"/>).
    /// </summary>
    /// <param name="hub">The hub.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="view">The part of the topic, which a client may have sent; null (default): all of it.</param>
    /// <remarks>Pushing a topic again, with the same view or another, sends a new state.</remarks>
    Task PushPresenceAsync(Hub hub, string topic, PresenceView? view = null);

    /// <summary>Stops <see cref="PushPresenceAsync"/>. Returns false if the topic is not pushed.</summary>
    Task<bool> StopPushAsync(Hub hub, string topic);

    /// <summary>
    /// Returns the presences of a topic, then every change, until the client cancels: for a hub method that streams.
    /// </summary>
    IAsyncEnumerable<HubPresenceMessage> SubscribeAsync(
        Hub hub, string topic, CancellationToken cancellation = default);

    /// <summary>Returns the presences in a view of a topic, then every change of the view.</summary>
    IAsyncEnumerable<HubPresenceMessage> SubscribeAsync(
        Hub hub, string topic, PresenceView view, CancellationToken cancellation = default);

    /// <summary>Returns the same with metadata of a type, which the hub may use and the hub protocol writes.</summary>
    /// <remarks>Metadata that do not fit are shown with the reason.</remarks>
    IAsyncEnumerable<HubPresenceChanges<T>> SubscribeAsync<T>(
        Hub hub, Topic<T> topic, CancellationToken cancellation = default);

    /// <summary>
    /// Returns which of some keys are present in the topics of a pattern, and then the keys that come and go, until the
    /// client cancels: for a hub method that streams, such as the state of a user's friends.
    /// </summary>
    /// <param name="hub">The hub.</param>
    /// <param name="keys">At most 1,000 keys. A key that is given twice counts once.</param>
    /// <param name="within">A topic, or a prefix of topics that ends with <c>*</c>, such as <c>user:*</c>.</param>
    /// <param name="cancellation">Ends the stream.</param>
    /// <remarks>
    /// The first change comes at once, later ones together, at most every 25 ms. The authorizer is called for each
    /// key; one that it forbids is never shown, as if it were absent. Not in an Orleans client.
    /// </remarks>
    IAsyncEnumerable<HubKeyChanges> WatchKeysAsync(
        Hub hub, IReadOnlyCollection<string> keys, string within, CancellationToken cancellation = default);

    /// <summary>Returns the presences of a topic.</summary>
    /// <exception cref="HubException">The topic is counts-only, and has no list.</exception>
    Task<IReadOnlyList<HubPresenceItem>> ListAsync(Hub hub, string topic);

    /// <summary>Returns a page of the presences of a topic of any size, in key order.</summary>
    /// <param name="hub">The hub.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="after">The last page's <see cref="HubPresencePage.Next"/>; null (default): the first page.</param>
    /// <param name="limit">Maximum number of keys, 1 to 1,000. Default 100.</param>
    Task<HubPresencePage> PageAsync(Hub hub, string topic, string? after = null, int limit = 100);

    /// <summary>
    /// Continues the session of an earlier connection, on any server, so that others see neither a leave nor a join;
    /// or begins one that can be continued within <see cref="HubPresenceOptions.Grace"/>.
    /// </summary>
    /// <param name="hub">The hub. Call this before the connection tracks anything.</param>
    /// <param name="token">What the earlier connection's call returned; null for the first one.</param>
    /// <param name="join">
    /// Tracks the presences. What it tracks again with equal metadata is unchanged; what it does not track again ends.
    /// </param>
    /// <returns>The token for the next connection; null without a grace, and in an Orleans client.</returns>
    /// <remarks>
    /// A token is valid for a day, for the same user and hub, and on servers that share their Data Protection keys. A
    /// token that is no longer valid begins a new session.
    /// </remarks>
    Task<string?> ResumeAsync(Hub hub, string? token, Func<Task> join);
}

/// <summary>Options of <c>AddPresence</c> on SignalR.</summary>
public sealed class HubPresenceOptions
{
    /// <summary>
    /// Gets or sets how long the presences of a lost connection stay for a new connection to resume them
    /// (<see cref="IHubPresence.ResumeAsync"/>). Default zero: they end with the connection. At most 24 h.
    /// </summary>
    public TimeSpan Grace { get; set; }

    /// <summary>Gets or sets the maximum number of presences of a connection. Default 1,000; at least 1.</summary>
    public int MaxPresences { get; set; } = 1000;

    /// <summary>Gets or sets the maximum number of topics pushed to a connection. Default 100; at least 1.</summary>
    public int MaxTopics { get; set; } = 100;

    /// <summary>
    /// Gets or sets the maximum number of streams of <see cref="IHubPresence.WatchKeysAsync"/> of a connection. Default
    /// 10; at least 1.
    /// </summary>
    public int MaxKeyWatches { get; set; } = 10;

    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:SignalR:");
        rules.Require(Grace >= TimeSpan.Zero && Grace <= PresenceSessionOptions.MaxGrace, Grace, "must be 0 to 24 h");
        rules.Require(MaxPresences >= 1, MaxPresences, "must be at least 1");
        rules.Require(MaxTopics >= 1, MaxTopics, "must be at least 1");
        rules.Require(MaxKeyWatches >= 1, MaxKeyWatches, "must be at least 1");
    }
}
