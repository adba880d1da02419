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

    /// <summary>Messages of this member, and of each other, that may wait for the subscribers; beyond it new ones are dropped.</summary>
    private const int MaxWaiting = 10_000;

    /// <summary>Senders remembered; beyond it those that are gone are forgotten.</summary>
    private const int MostSenders = 4096;

    private readonly ConcurrentDictionary<string, Subscription[]> _subscriptions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SenderState> _senders = new(StringComparer.Ordinal);
    private readonly Lock _sending = new();
    private ulong _sequence;

    /// <summary>The messages of this member.</summary>
    private SerialQueue<PubSubMessage> Local => SenderOf(link.NodeName).Messages;

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

            Enqueue(Local, message with { FromNode = link.NodeName });
        }

        Local.Run();
    }

    public void BroadcastLocal(PubSubMessage message)
    {
        Check(message);
        Enqueue(Local, message with { FromNode = link.NodeName });
        Local.Run();
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
            if (!sender.Accept(incarnation, sequence))
            {
                // Usual where an engine repeats or reorders: counted, not logged.
                instruments.Dropped("duplicate_or_late");
                return;
            }

            Enqueue(sender.Messages, message);
        }

        sender.Messages.Run();
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

            sender = _senders.GetOrAdd(member, _ => new SenderState(new(Deliver, MaxWaiting)));
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

    private void Enqueue(SerialQueue<PubSubMessage> queue, PubSubMessage message)
    {
        if (!queue.TryEnqueue(message))
        {
            instruments.Dropped("pubsub_full");
        }
    }

    private void Deliver(PubSubMessage message)
    {
        foreach (var subscription in _subscriptions.GetValueOrDefault(message.Topic, []))
        {
            subscription.Call(message, instruments, log);
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

    private sealed class SenderState(SerialQueue<PubSubMessage> messages)
    {
        private ulong _incarnation;
        private ulong _last;

        public bool IsGone => _last == ulong.MaxValue;

        public SerialQueue<PubSubMessage> Messages => messages;

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
        private volatile bool _isOver;

        public string Topic => topic;

        public void Call(PubSubMessage message, NodeInstruments instruments, ILogger log)
        {
            if (!_isOver)
            {
                subscriber.Call(message, instruments, log);
            }
        }

        public void Dispose()
        {
            _isOver = true;
            owner.Remove(this);
        }
    }
}
