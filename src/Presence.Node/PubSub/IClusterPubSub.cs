using Presence.Tracker;

namespace Presence.Node;

/// <summary>Publishes messages by topic, to the subscribers on this node or on all nodes.</summary>
/// <remarks>
/// Delivery is at most once. Messages from one node to another arrive in the order sent; duplicates and late messages
/// are dropped. Subscribers are called in order, on the thread of a sender, of the transport or of the pool, with no
/// lock held. They may call anything but should only enqueue, because later messages wait. When 10,000 messages of one
/// sending node wait, or <see cref="PresenceOptions.PubSubQueueMaxBytes"/>, new ones are dropped and counted.
/// </remarks>
public interface IClusterPubSub
{
    /// <summary>Subscribes to a topic until the result is disposed. Exceptions of the subscriber are logged.</summary>
    IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber);

    /// <summary>Publishes to the subscribers of the topic on every node.</summary>
    /// <exception cref="PresenceLimitException">Topic or event is empty or too long, or the body too large.</exception>
    /// <exception cref="ArgumentException">
    /// Topic or event contains an unpaired surrogate, or a body that is not binary is not valid UTF-8.
    /// </exception>
    void Broadcast(PubSubMessage message);

    /// <summary>Publishes to the subscribers of the topic on this node only.</summary>
    void BroadcastLocal(PubSubMessage message);
}

/// <summary>A pub/sub message.</summary>
/// <param name="Topic">At most 255 bytes.</param>
/// <param name="Event">At most 255 bytes.</param>
/// <param name="Body">UTF-8 JSON, or any bytes if <paramref name="IsBinary"/>. Not copied; do not modify it.</param>
/// <param name="IsBinary">Whether the body is not JSON.</param>
public sealed record PubSubMessage(string Topic, string Event, ReadOnlyMemory<byte> Body, bool IsBinary = false)
{
    /// <summary>Gets the sending node; set on delivery.</summary>
    public string FromNode { get; init; } = "";

    /// <summary>Gets the sender (for broadcast-from), on the sending node only; null on other nodes.</summary>
    public object? Sender { get; init; }

    /// <summary>
    /// Gets a cache that the subscribers of one node share, such as encoded forms by serializer, so that a message is
    /// encoded once and not once per socket.
    /// </summary>
    public System.Collections.Concurrent.ConcurrentDictionary<object, object> Shared { get; } = new();
}
