using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Pub/sub over the cluster link: a sequence per sender keeps its messages in order and single.</summary>
internal sealed class ClusterPubSub(
    IClusterLink link, PresenceOptions options, NodeInstruments instruments, OccasionalLog occasionally, ILogger log)
    : IClusterPubSub
{
    private const int MostNameBytes = 255;

    /// <summary>Messages that subscribers may send while they are told of one.</summary>
    private const int MostNested = 10_000;

    /// <summary>Senders remembered; beyond it those that are gone are forgotten.</summary>
    private const int MostSenders = 4096;

    private readonly ConcurrentDictionary<string, Subscription[]> _subscriptions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SenderState> _senders = new(StringComparer.Ordinal);
    private readonly Lock _sending = new();
    private readonly Queue<PubSubMessage> _turn = new();
    private bool _isDelivering;
    private ulong _sequence;

    /// <summary>Topics with a subscriber here.</summary>
    public int Topics => _subscriptions.Count;

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
            var frame = PubSubCodec.Encode(message, link.Incarnation, ++_sequence);
            instruments.Sent("pubsub", frame.Length);
            try
            {
                link.Broadcast(new LinkFrame(PresenceOptions.PubSubChannel, 0, frame));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                instruments.InputFailed();
                if (occasionally.IsDue("broadcast failed", out var times))
                {
                    log.BroadcastFailed(times, e);
                }
            }

            DeliverInTurn(message with { FromNode = link.NodeName });
        }
    }

    public void BroadcastLocal(PubSubMessage message)
    {
        Check(message);
        lock (_sending)
        {
            DeliverInTurn(message with { FromNode = link.NodeName });
        }
    }

    /// <summary>Takes a frame. Never throws.</summary>
    public void Received(string from, ReadOnlyMemory<byte> body)
    {
        instruments.Received("pubsub", body.Length);
        if (PubSubCodec.Decode(from, body) is not var (message, incarnation, sequence))
        {
            Drop(from, "undecodable");
            return;
        }

        if (!IsName(message.Topic) || !IsName(message.Event) || message.Body.Length > options.MaxMessageBytes)
        {
            Drop(from, "over_limit");
            return;
        }

        var sender = SenderOf(from);
        lock (sender)
        {
            if (sender.Accept(incarnation, sequence))
            {
                Deliver(message);
            }
            else
            {
                // Usual where an engine repeats or reorders: counted, not logged.
                instruments.Dropped("duplicate_or_late");
            }
        }
    }

    /// <summary>This incarnation of a member, and every earlier one, is gone: what is still under way of it comes too late.</summary>
    public void Bury(string member, ulong incarnation)
    {
        var sender = SenderOf(member);
        lock (sender)
        {
            sender.Bury(incarnation);
        }
    }

    private static bool IsName(string name) => Encoding.UTF8.GetByteCount(name) is > 0 and <= MostNameBytes;

    private SenderState SenderOf(string member)
    {
        if (!_senders.TryGetValue(member, out var sender))
        {
            if (_senders.Count >= MostSenders)
            {
                foreach (var gone in _senders.Where(s => s.Value.IsGone))
                {
                    _senders.TryRemove(gone);
                }
            }

            sender = _senders.GetOrAdd(member, static _ => new SenderState());
        }

        return sender;
    }

    private void Drop(string from, string reason)
    {
        instruments.Dropped(reason);
        if (occasionally.IsDue("pubsub " + reason, out var times))
        {
            log.FrameDropped(from, PresenceOptions.PubSubChannel, 0, reason, null, times);
        }
    }

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
        int size;
        try
        {
            size = PubSubCodec.Utf8.GetByteCount(name);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException($"The {what} is no text: it holds half of a surrogate pair.", e);
        }

        if (size is 0 or > MostNameBytes)
        {
            throw new PresenceLimitException(what, size, MostNameBytes);
        }
    }

    /// <summary>A message that a subscriber sends while it is told of another comes after that other, for all.</summary>
    private void DeliverInTurn(PubSubMessage message)
    {
        if (_turn.Count >= MostNested)
        {
            instruments.Dropped("pubsub_nested");
            return;
        }

        _turn.Enqueue(message);
        if (_isDelivering)
        {
            return;
        }

        _isDelivering = true;
        try
        {
            while (_turn.TryDequeue(out var next))
            {
                Deliver(next);
            }
        }
        finally
        {
            _isDelivering = false;
        }
    }

    private void Deliver(PubSubMessage message)
    {
        if (!_subscriptions.TryGetValue(message.Topic, out var subscriptions))
        {
            return;
        }

        // A shard's callback may wait for the lock held here: a callback from here must not wait for that shard for ever.
        ShardHost.EnterCallbacks();
        try
        {
            foreach (var subscription in subscriptions)
            {
                Tell(subscription, message);
            }
        }
        finally
        {
            ShardHost.LeaveCallbacks();
        }
    }

    private void Tell(Subscription subscription, PubSubMessage message)
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

        public bool IsGone => _last == ulong.MaxValue;

        public bool Accept(ulong incarnation, ulong sequence)
        {
            if (incarnation < _incarnation || (incarnation == _incarnation && sequence <= _last))
            {
                return false;
            }

            (_incarnation, _last) = (incarnation, sequence);
            return true;
        }

        public void Bury(ulong incarnation)
        {
            if (incarnation >= _incarnation)
            {
                (_incarnation, _last) = (incarnation, ulong.MaxValue);
            }
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
