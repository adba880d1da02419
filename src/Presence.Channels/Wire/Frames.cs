namespace Presence.Channels.Wire;

/// <summary>A frame from a client. The payload is in the receive buffer.</summary>
internal readonly record struct InFrame(
    WireValue JoinRef, WireValue Ref, string Topic, string Event, ChannelPayload Payload)
{
    /// <summary>Gets the error to answer with if the frame cannot be handled; the names may be JSON then.</summary>
    public OutFrame? Rejection { get; init; }

    /// <returns>False if it is no frame: a name is not a string, or a reference longer than 255 bytes.</returns>
    public static bool TryCreate(
        IFrameSerializer serializer,
        (WireValue Join, WireValue Message) refs,
        WireValue topic,
        WireValue name,
        (ChannelPayload Value, ChannelPayload? Problem) payload,
        out InFrame frame)
    {
        frame = default;
        if (!topic.IsString || !name.IsString || !refs.Join.IsShort || !refs.Message.IsShort)
        {
            return false;
        }

        var problem = topic.IsJson || name.IsJson ? PhoenixReasons.InvalidText : payload.Problem;
        frame = new InFrame(refs.Join, refs.Message, topic.Text!, name.Text!, payload.Value)
        {
            Rejection = problem is { } reason
                ? serializer.Reply(refs.Join, refs.Message, topic, ChannelReply.Error(reason))
                : null,
        };
        return true;
    }
}

/// <summary>
/// An immutable encoded frame, shared by its sockets. A large payload with a head per socket (<c>presence_state</c>)
/// stays one array: head and body are sent as two fragments of one message.
/// </summary>
internal sealed class OutFrame(
    ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, bool binary, SharedPayload? shared = null)
{
    // Objects of a frame and its place in a queue, in bytes.
    private const int Overhead = 128;

    private int _queues;

    public ReadOnlyMemory<byte> Head { get; } = head;
    public ReadOnlyMemory<byte> Body { get; } = body;
    public bool IsBinary { get; } = binary;
    public int Length => Head.Length + Body.Length;

    /// <summary>Counts a queue that holds the frame.</summary>
    /// <returns>The bytes that no queue held before.</returns>
    public long EnterQueue() => Interlocked.Increment(ref _queues) != 1 ? 0
        : Overhead + Head.Length + (shared is null ? Body.Length : shared.EnterQueue());

    /// <summary>Ends <see cref="EnterQueue"/>.</summary>
    /// <returns>The bytes that no queue holds any more.</returns>
    public long LeaveQueue() => Interlocked.Decrement(ref _queues) != 0 ? 0
        : Overhead + Head.Length + (shared is null ? Body.Length : shared.LeaveQueue());

    /// <summary>Gets the frame with its WebSocket header; empty unless made by <see cref="ForWebSockets"/>.</summary>
    public ReadOnlyMemory<byte> OnWebSocket { get; private init; }

    /// <summary>Copies the frame behind a WebSocket header, once for many sockets.</summary>
    public OutFrame ForWebSockets()
    {
        var framed = WebSocketFrame.Of(Head.Span, Body.Span, IsBinary, out var header);
        return new OutFrame(framed.AsMemory(header), default, IsBinary) { OnWebSocket = framed };
    }

    public override string ToString() =>
        IsBinary ? $"<<{Length} bytes>>" : System.Text.Encoding.UTF8.GetString([.. Head.Span, .. Body.Span]);
}

/// <summary>Encodes and decodes frames of one protocol version.</summary>
internal interface IFrameSerializer
{
    /// <summary>Gets the index of this serializer's frames in an <see cref="EncodedBroadcast"/>.</summary>
    int Slot { get; }

    /// <summary>Gets whether payloads may be binary.</summary>
    bool SupportsBinary { get; }

    /// <summary>Decodes a frame.</summary>
    /// <returns>False if the bytes are no frame of this protocol.</returns>
    bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame);

    /// <summary>Encodes a message to one channel.</summary>
    OutFrame Push(WireValue joinRef, string topic, string name, ChannelPayload payload);

    /// <summary>Encodes a message without copying a large payload.</summary>
    OutFrame PushShared(WireValue joinRef, string topic, string name, SharedPayload payload);

    OutFrame Reply(WireValue joinRef, WireValue reference, WireValue topic, ChannelReply reply);

    /// <summary>Encodes a message to all channels of a topic.</summary>
    OutFrame Broadcast(string topic, string name, ChannelPayload payload);

    /// <summary>Encodes a <c>phx_close</c> or <c>phx_error</c> for the join.</summary>
    OutFrame Ended(WireValue joinRef, string topic, string name, ChannelPayload payload);
}

/// <summary>A JSON payload with the end of the frame after it.</summary>
internal sealed class SharedPayload
{
    private int _frames;

    public SharedPayload(ReadOnlySpan<byte> json)
    {
        var closed = new byte[json.Length + 1];
        json.CopyTo(closed);
        closed[^1] = (byte)']';
        Closed = closed;
    }

    /// <summary>Gets the JSON and <c>]</c>.</summary>
    public byte[] Closed { get; }

    public ChannelPayload Payload => ChannelPayload.Trusted(Closed.AsMemory(0, Closed.Length - 1));

    public int EnterQueue() => Interlocked.Increment(ref _frames) == 1 ? Closed.Length : 0;
    public int LeaveQueue() => Interlocked.Decrement(ref _frames) == 0 ? Closed.Length : 0;
}

/// <summary>A broadcast on this node, encoded at most once per serializer.</summary>
internal sealed class EncodedBroadcast(string topic, string name, ChannelPayload payload)
{
    private readonly OutFrame?[] _frames = new OutFrame?[FrameSerializers.Count];

    public string Event => name;
    public ChannelPayload Payload => payload;

    public OutFrame For(IFrameSerializer serializer) =>
        _frames[serializer.Slot] ??= serializer.Broadcast(topic, name, payload).ForWebSockets();
}

/// <summary>The serializers.</summary>
internal static class FrameSerializers
{
    public const int Count = 3;

    public static readonly IFrameSerializer V1 = new V1Serializer();

    public static readonly IFrameSerializer V2 = new V2Serializer();

    private static readonly IFrameSerializer V2Text = new V2TextSerializer(V2);

    /// <summary>Returns the same version for clients that cannot read binary frames.</summary>
    public static IFrameSerializer WithoutBinaryFrames(IFrameSerializer serializer) =>
        serializer == V2 ? V2Text : serializer;

    /// <summary>Finds a serializer by <c>vsn</c> (absent: 1.0.0); null if the version is not supported.</summary>
    public static IFrameSerializer? Find(string? vsn) => vsn is null ? V1
        : System.Version.TryParse(vsn, out var version) && version is { Build: >= 0, Minor: 0, Revision: -1 }
            ? version.Major switch { 1 => V1, 2 => V2, _ => null }
            : null;
}
