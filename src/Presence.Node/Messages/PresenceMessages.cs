using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;
using Presence.Node.Trackers;
using Presence.Tracker;

namespace Presence.Node.Messages;

/// <summary>Sends messages to the sessions of a key: each node that has some delivers it to them.</summary>
internal sealed class PresenceMessages(
    IClusterTransport transport,
    SessionReceivers receivers,
    PresenceOptions options,
    NodeInstruments instruments,
    TimeProvider time,
    ILogger log)
{
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Maximum number of nodes with a request at the same time.</summary>
    private const int MaxRequests = 50;

    /// <exception cref="ArgumentException">The message is too large.</exception>
    public async Task<SendToKeyResult> SendAsync(
        PresenceTracker tracker, string? topic, string key, SessionMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.Json.Length > options.MaxMessageBytes)
        {
            throw new ArgumentException(
                $"The message has {message.Json.Length} bytes; the limit is {options.MaxMessageBytes} bytes "
                + $"(Presence:{nameof(PresenceOptions.MaxMessageBytes)}).",
                nameof(message));
        }

        var nodes = Entries(tracker, topic, key).Select(e => e.Owner.Node).Distinct(StringComparer.Ordinal).ToArray();
        var frame = new MessageFrame(tracker.Name, topic, key, message.Name, message.Json);
        var accepted = 0;
        await Parallel.ForEachAsync(
            nodes,
            new ParallelOptions { MaxDegreeOfParallelism = MaxRequests, CancellationToken = cancellation },
            async (node, stop) =>
            {
                if (await RequestAsync(tracker, node, frame, stop).ConfigureAwait(false))
                {
                    Interlocked.Increment(ref accepted);
                }
            }).ConfigureAwait(false);
        var result = nodes.Length == 0 ? SendToKeyResult.NotPresent
            : accepted > 0 ? SendToKeyResult.Accepted
            : SendToKeyResult.NotAccepted;
        instruments.SentToKey(result);
        return result;
    }

    /// <summary>Gives a message to the sessions of this node. Returns whether one of them accepted it.</summary>
    /// <exception cref="ArgumentException">The message is none.</exception>
    public bool Deliver(PresenceTracker tracker, MessageFrame frame)
    {
        var message = new SessionMessage(frame.Name, frame.Json);
        var sessions = Entries(tracker, frame.Topic, frame.Key)
            .Where(e => e.Owner.Node == transport.NodeName && e.Owner.Incarnation == transport.Incarnation)
            .Select(e => e.Process)
            .Distinct();
        var isAccepted = false;
        foreach (var session in sessions)
        {
            isAccepted |= receivers.Find(session) is { } receiver && IsAccepted(receiver, message);
        }

        return isAccepted;
    }

    private static IEnumerable<PresenceEntry> Entries(PresenceTracker tracker, string? topic, string key) =>
        topic is not null
            ? tracker.GetByKey(topic, key)
            : tracker.TopicsOf(key).SelectMany(each => tracker.GetByKey(each, key));

    private bool IsAccepted(Func<SessionMessage, bool> receiver, SessionMessage message)
    {
        try
        {
            return receiver(message);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (instruments.HandlerFailed(out var count))
            {
                log.SubscriberFailed(count, LogText.Escape(e));
            }

            return false;
        }
    }

    private async ValueTask<bool> RequestAsync(
        PresenceTracker tracker, string node, MessageFrame frame, CancellationToken cancellation)
    {
        if (node == transport.NodeName)
        {
            return Deliver(tracker, frame);
        }

        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            var body = new ClusterFrame(PresenceOptions.MessageChannel, 0, frame.Encode());
            return await transport.RequestAsync(node, body, either.Token).AsTask()
                .WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !cancellation.IsCancellationRequested)
        {
            // Not repeated: it may have arrived.
            return false;
        }
    }
}
