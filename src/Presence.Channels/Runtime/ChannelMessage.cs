namespace Presence.Channels;

internal enum ChannelMessageKind : byte
{
    In,
    Out,
    Info,
    Leave,
    End,
}

/// <summary>What waits in a channel's mailbox.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Event">In, out: the event.</param>
/// <param name="Ref">In, leave: the reference to answer to.</param>
/// <param name="Payload">In, out: the payload.</param>
/// <param name="Info">Info: the message. End: a boxed <see cref="ChannelEndKind"/>.</param>
internal readonly record struct ChannelMessage(
    ChannelMessageKind Kind,
    string? Event,
    string? Ref,
    ChannelPayload Payload,
    object? Info);

/// <summary>A bounded queue with one reader at a time, who is started by the first message and leaves when it is empty.</summary>
internal sealed class Mailbox(int bound)
{
    private readonly Lock _gate = new();
    private Queue<ChannelMessage>? _messages;
    private bool _busy = true;

    internal enum Posted
    {
        Refused,
        Queued,
        StartReader,
    }

    /// <param name="message">The message.</param>
    /// <param name="always">Whether the bound does not apply: ends must not be lost.</param>
    public Posted Post(in ChannelMessage message, bool always = false)
    {
        lock (_gate)
        {
            if (!always && _messages?.Count >= bound)
            {
                return Posted.Refused;
            }

            (_messages ??= new(2)).Enqueue(message);
            if (_busy)
            {
                return Posted.Queued;
            }

            _busy = true;
            return Posted.StartReader;
        }
    }

    /// <returns>False if the mailbox is empty: the reader has been let go.</returns>
    public bool TryTake(out ChannelMessage message)
    {
        lock (_gate)
        {
            if (_messages is { } queue && queue.TryDequeue(out message))
            {
                return true;
            }

            // An idle channel keeps no queue.
            _messages = null;
            _busy = false;
            message = default;
            return false;
        }
    }
}
