using Presence.Channels.Wire;

namespace Presence.Channels.Runtime;

internal enum ChannelMessageKind : byte { In, Out, Info, Leave, End }

/// <summary>A message in a channel's mailbox.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Event">In, out: the event.</param>
/// <param name="Ref">In, leave: the reference for the answer.</param>
/// <param name="Payload">In, out: the payload.</param>
/// <param name="Info">Info: the message. End: a boxed <see cref="TerminationReason"/>.</param>
/// <param name="Arrived">In: the timestamp of its arrival, if that is measured.</param>
internal readonly record struct ChannelMessage(
    ChannelMessageKind Kind, string? Event, WireValue Ref, ChannelPayload Payload, object? Info, long Arrived = 0)
{
    private const int Overhead = 128;

    /// <summary>Gets the bytes of a client that the message holds.</summary>
    public int Held => Kind == ChannelMessageKind.In ? Overhead + Payload.Bytes.Length : 0;
}

/// <summary>A bounded queue with one reader at a time, which ends when the queue is empty.</summary>
internal sealed class Mailbox(int capacity)
{
    private readonly Lock _gate = new();
    private Queue<ChannelMessage>? _messages;
    private bool _hasReader = true;

    internal enum Posted { Rejected, Queued, StartReader }

    /// <param name="message">The message.</param>
    /// <param name="always">Whether to ignore the capacity: terminations must not be dropped.</param>
    public Posted Post(in ChannelMessage message, bool always = false)
    {
        lock (_gate)
        {
            if (!always && _messages?.Count >= capacity)
            {
                return Posted.Rejected;
            }

            (_messages ??= new(2)).Enqueue(message);
            if (_hasReader)
            {
                return Posted.Queued;
            }

            _hasReader = true;
            return Posted.StartReader;
        }
    }

    /// <summary>Removes the messages of a mailbox whose reader hangs.</summary>
    /// <returns>The bytes that they held.</returns>
    public long Clear()
    {
        lock (_gate)
        {
            var held = _messages?.Sum(message => (long)message.Held) ?? 0;
            _messages?.Clear();
            return held;
        }
    }

    /// <returns>False if the mailbox is empty: the reader ends.</returns>
    public bool TryDequeue(out ChannelMessage message)
    {
        lock (_gate)
        {
            if (_messages is { } queue && queue.TryDequeue(out message))
            {
                return true;
            }

            // An idle channel keeps no queue.
            _messages = null;
            _hasReader = false;
            message = default;
            return false;
        }
    }
}
