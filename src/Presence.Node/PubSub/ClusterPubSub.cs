using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Pub/sub over the cluster link: a sequence per sender keeps its messages in order and single.</summary>
internal sealed class ClusterPubSub(IClusterLink link, PresenceOptions options, NodeInstruments instruments, ILogger log)
    : IClusterPubSub
{
    private const int MostNameBytes = 255;

    private readonly ConcurrentDictionary<string, Subscription[]> _subscriptions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SenderState> _senders = new(StringComparer.Ordinal);
    private readonly Lock _sending = new();
    private ulong _sequence;

    public IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        ArgumentNullException.ThrowIfNull(subscriber);
        var subscription = new Subscription(this, topic, subscriber);
        _subscriptions.AddOrUpdate(
            topic, static (_, s) => [s], static (_, present, s) => [.. present, s], subscription);
        return subscription;
    }

    public void Broadcast(PubSubMessage message)
    {
        Check(message);
        // One lock for number, order on the link and order of local delivery: first in, first out for everybody.
        lock (_sending)
        {
            Deliver(message with { FromNode = link.NodeName });
            var frame = PubSubCodec.Encode(message, link.Incarnation, ++_sequence);
            instruments.Sent("pubsub", frame.Length);
            link.Broadcast(new LinkFrame(PresenceOptions.PubSubChannel, 0, frame));
        }
    }

    public void BroadcastLocal(PubSubMessage message)
    {
        Check(message);
        lock (_sending)
        {
            Deliver(message with { FromNode = link.NodeName });
        }
    }

    public void Received(string from, ReadOnlyMemory<byte> body)
    {
        instruments.Received("pubsub", body.Length);
        if (PubSubCodec.Decode(from, body) is not var (message, incarnation, sequence))
        {
            instruments.Dropped("undecodable");
            return;
        }

        var sender = _senders.GetOrAdd(from, static _ => new SenderState());
        lock (sender)
        {
            if (sender.Accept(incarnation, sequence))
            {
                Deliver(message);
            }
            else
            {
                instruments.Dropped("duplicate_or_late");
            }
        }
    }

    /// <summary>Forgets what a member that is gone had sent.</summary>
    public void Forget(string member) => _senders.TryRemove(member, out _);

    private void Check(PubSubMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        CheckName("topic", message.Topic);
        CheckName("event", message.Event);
        if (message.Body.Length > options.MaxMessageBytes)
        {
            throw new PresenceLimitException("message body", message.Body.Length, options.MaxMessageBytes);
        }
    }

    private static void CheckName(string what, string name)
    {
        var size = Encoding.UTF8.GetByteCount(name);
        if (size is 0 or > MostNameBytes)
        {
            throw new PresenceLimitException(what, size, MostNameBytes);
        }
    }

    private void Deliver(PubSubMessage message)
    {
        if (!_subscriptions.TryGetValue(message.Topic, out var subscriptions))
        {
            return;
        }

        foreach (var subscription in subscriptions)
        {
            try
            {
                subscription.Subscriber(message);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                instruments.HandlerFailed();
                log.SubscriberFailed(e);
            }
        }
    }

    private void Remove(Subscription subscription)
    {
        while (_subscriptions.TryGetValue(subscription.Topic, out var present))
        {
            var rest = Array.FindAll(present, s => s != subscription);
            var isDone = rest.Length == 0
                ? _subscriptions.TryRemove(new(subscription.Topic, present))
                : _subscriptions.TryUpdate(subscription.Topic, rest, present);
            if (isDone)
            {
                return;
            }
        }
    }

    private sealed class SenderState
    {
        private ulong _incarnation;
        private ulong _last;

        public bool Accept(ulong incarnation, ulong sequence)
        {
            if (incarnation < _incarnation || (incarnation == _incarnation && sequence <= _last))
            {
                return false;
            }

            (_incarnation, _last) = (incarnation, sequence);
            return true;
        }
    }

    private sealed class Subscription(ClusterPubSub owner, string topic, Action<PubSubMessage> subscriber) : IDisposable
    {
        private int _disposed;

        public string Topic => topic;

        public Action<PubSubMessage> Subscriber => subscriber;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) == 0)
            {
                owner.Remove(this);
            }
        }
    }
}
