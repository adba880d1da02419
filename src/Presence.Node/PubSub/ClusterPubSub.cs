using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Node.PubSub;

/// <summary>Pub/sub over the cluster transport. Sequence numbers per sender keep order and drop duplicates.</summary>
internal sealed class ClusterPubSub(
    IClusterTransport transport,
    PresenceOptions options,
    NodeInstruments instruments,
    RateLimitedLogger rateLimitedLog,
    ILogger log) : IClusterPubSub
{
    private const int MaxNameBytes = 255;

    /// <summary>Messages per sending node that may wait for the subscribers; new ones are dropped beyond it.</summary>
    private const int MaxWaiting = 10_000;

    /// <summary>Senders remembered; beyond it, those of removed nodes are evicted.</summary>
    private const int MaxSenders = 4096;

    private readonly ConcurrentDictionary<string, Subscription[]> _subscriptions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SenderState> _senders = new(StringComparer.Ordinal);
    private readonly Lock _sending = new();
    private readonly PubSubSource _source = new(
        transport.Incarnation, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));

    private ulong _sequence;

    private SerialQueue<PubSubMessage> Local => SenderOf(transport.NodeName).Messages;

    public int Topics => _subscriptions.Count;

    /// <summary>Gets the number of nodes whose last messages are remembered, this one included.</summary>
    public int Senders => _senders.Count;

    /// <summary>Gets the size of the messages that wait for the subscribers of this node.</summary>
    public long WaitingBytes => _senders.Values.Sum(sender => sender.Messages.Bytes);

    /// <summary>Gets a task that completes when fewer messages of this node wait; null unless many do.</summary>
    public Task? Congestion => Local.Congestion;

    public IDisposable Subscribe(string topic, Action<PubSubMessage> subscriber)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        StrictUtf8.Check(topic, nameof(topic));
        ArgumentNullException.ThrowIfNull(subscriber);
        var subscription = new Subscription(this, topic, subscriber);
        _subscriptions.AddOrUpdate(
            topic, static (_, s) => [s], static (_, present, s) => [.. present, s], subscription);
        return subscription;
    }

    public void Broadcast(PubSubMessage message)
    {
        Check(message);
        // One lock for the sequence number, the transport and the local queue, so that every node sees the same order.
        lock (_sending)
        {
            var frame = PubSubCodec.Encode(message, _source, ++_sequence);
            instruments.Sent("pubsub", frame.Length);
            try
            {
                transport.Broadcast(new ClusterFrame(PresenceOptions.PubSubChannel, 0, frame));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                instruments.InputFailed();
                if (rateLimitedLog.IsDue("broadcast failed", out var count))
                {
                    log.BroadcastFailed(count, e);
                }
            }

            Enqueue(Local, message with { FromNode = transport.NodeName });
        }

        Local.Run();
    }

    public void BroadcastLocal(PubSubMessage message)
    {
        Check(message);
        Enqueue(Local, message with { FromNode = transport.NodeName });
        Local.Run();
    }

    public void Received(string from, ReadOnlyMemory<byte> body)
    {
        instruments.Received("pubsub", body.Length);
        if (PubSubCodec.Decode(from, body) is not var (message, source, sequence))
        {
            Drop(from, "undecodable");
            return;
        }

        if (!IsName(message.Topic) || !IsName(message.Event) || message.Body.Length > options.MaxMessageBytes)
        {
            Drop(from, "over_limit");
            return;
        }

        if (!message.IsBinary && !System.Text.Unicode.Utf8.IsValid(message.Body.Span))
        {
            Drop(from, "undecodable");
            return;
        }

        var sender = SenderOf(from);
        lock (sender)
        {
            if (!sender.Accept(source, sequence))
            {
                // Normal for a transport that repeats or reorders: counted, not logged.
                instruments.Dropped("duplicate_or_late");
                return;
            }

            Enqueue(sender.Messages, message);
        }

        sender.Messages.Run();
    }

    public void MarkDead(string node, ulong incarnation)
    {
        var sender = SenderOf(node);
        lock (sender)
        {
            sender.MarkDead(incarnation);
        }
    }

    private static bool IsName(string name) => Encoding.UTF8.GetByteCount(name) is > 0 and <= MaxNameBytes;

    private SenderState SenderOf(string node)
    {
        if (!_senders.TryGetValue(node, out var sender))
        {
            if (_senders.Count >= MaxSenders)
            {
                foreach (var gone in _senders.Where(s => s.Value.IsGone))
                {
                    _senders.TryRemove(gone);
                }
            }

            sender = _senders.GetOrAdd(
                node, _ => new SenderState(new(Deliver, MaxWaiting, options.PubSubQueueMaxBytes)));
        }

        return sender;
    }

    private void Drop(string from, string reason)
    {
        instruments.Dropped(reason);
        if (rateLimitedLog.IsDue("pubsub " + reason, out var count))
        {
            log.FrameDropped(from, PresenceOptions.PubSubChannel, 0, reason, null, count);
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

        if (!message.IsBinary && !System.Text.Unicode.Utf8.IsValid(message.Body.Span))
        {
            throw new ArgumentException("The body is neither valid UTF-8 nor declared binary.", nameof(message));
        }
    }

    private static void CheckName(string parameter, string name)
    {
        var size = StrictUtf8.SizeOf(name, parameter);
        if (size is 0 or > MaxNameBytes)
        {
            throw new PresenceLimitException(parameter, size, MaxNameBytes);
        }
    }

    private void Enqueue(SerialQueue<PubSubMessage> queue, PubSubMessage message)
    {
        if (!queue.TryEnqueue(message, message.Body.Length))
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
        /// <summary>Processes of a node whose last messages are remembered.</summary>
        private const int MaxSources = 4;

        private readonly List<(PubSubSource Source, ulong Last)> _sources = [];

        public bool IsGone { get; private set; }

        public SerialQueue<PubSubMessage> Messages => messages;

        /// <summary>Rejects what a process sent before, and what it sent before a later one or its removal.</summary>
        public bool Accept(PubSubSource source, ulong sequence)
        {
            var at = _sources.FindIndex(s => s.Source == source);
            if (at < 0)
            {
                if (_sources.Count == MaxSources)
                {
                    _sources.RemoveAt(0);
                }

                Close(s => s.Incarnation < source.Incarnation);
                _sources.Add((source, sequence));
                IsGone = false;
                return true;
            }

            if (sequence <= _sources[at].Last)
            {
                return false;
            }

            _sources[at] = (source, sequence);
            return true;
        }

        public void MarkDead(ulong incarnation)
        {
            Close(s => s.Incarnation <= incarnation);
            IsGone = _sources.TrueForAll(s => s.Last == ulong.MaxValue);
        }

        private void Close(Func<PubSubSource, bool> isClosed)
        {
            for (var at = 0; at < _sources.Count; at++)
            {
                var source = _sources[at].Source;
                _sources[at] = isClosed(source) ? (source, ulong.MaxValue) : _sources[at];
            }
        }
    }

    private sealed class Subscription(ClusterPubSub owner, string topic, Action<PubSubMessage> subscriber) : IDisposable
    {
        private volatile bool _isDisposed;

        public string Topic => topic;

        public void Call(PubSubMessage message, NodeInstruments instruments, ILogger log)
        {
            if (!_isDisposed)
            {
                subscriber.Call(message, instruments, log);
            }
        }

        public void Dispose()
        {
            _isDisposed = true;
            owner.Remove(this);
        }
    }
}
