using Presence.Tracker;

namespace Presence.Node;

/// <summary>Messages by topic, to subscribers on this member or on all.</summary>
/// <remarks>
/// At most once. Messages of one sending member to one receiving member arrive in the order sent; duplicates and late ones
/// are dropped. Subscribers are called in order, on the thread of a sender, of the link or of the pool, with no lock held: they may call
/// anything, and should only hand over, because the messages behind wait. Beyond 10,000 that wait, new ones are dropped.
/// </remarks>
public interface IClusterPubSub
{
    /// <summary>Hears the messages of a topic until disposed. An exception of the subscriber is logged and swallowed.</summary>
    IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber);

    /// <summary>To the subscribers of the topic on every member.</summary>
    /// <exception cref="PresenceLimitException">Topic or event is empty or too long, or the body is too large.</exception>
    void Broadcast(PubSubMessage message);

    /// <summary>To the subscribers of the topic on this member alone.</summary>
    void BroadcastLocal(PubSubMessage message);
}

/// <summary>A message to the subscribers of a topic.</summary>
/// <param name="Topic">At most 255 bytes.</param>
/// <param name="Event">At most 255 bytes.</param>
/// <param name="Body">The payload: UTF-8 JSON, or anything if <paramref name="IsBinary"/>. Not copied; do not write to it.</param>
/// <param name="IsBinary">Whether the body is not JSON.</param>
public sealed record PubSubMessage(string Topic, string Event, ReadOnlyMemory<byte> Body, bool IsBinary = false)
{
    /// <summary>The member that sent it; set on arrival.</summary>
    public string FromNode { get; init; } = "";

    /// <summary>
    /// Who sent it, on the sending member alone: lets a subscriber skip its own messages (broadcast-from). Null elsewhere.
    /// </summary>
    public object? Sender { get; init; }

    /// <summary>
    /// A place for subscribers of one member to share work on this message: whoever comes first may keep an encoded form
    /// here, keyed by serializer, so that each message is encoded once and not once per socket.
    /// </summary>
    public System.Collections.Concurrent.ConcurrentDictionary<object, object> Shared { get; } = new();
}
