namespace Presence.Channels;

/// <summary>A frame from a client. The payload lies in the buffer it was read from.</summary>
internal readonly record struct InFrame(
    string? JoinRef,
    string? Ref,
    string Topic,
    string Event,
    ChannelPayload Payload);

/// <summary>
/// An encoded frame, shared by all sockets it goes to and never written to. A large payload with a head of its own per socket
/// (<c>presence_state</c>) stays one array: head and body are sent as two fragments of one message.
/// </summary>
internal sealed class OutFrame(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body, bool binary)
{
    public ReadOnlyMemory<byte> Head { get; } = head;

    public ReadOnlyMemory<byte> Body { get; } = body;

    public bool IsBinary { get; } = binary;

    public int Length => Head.Length + Body.Length;

    /// <summary>All of it as one frame of a WebSocket, header and all, if it was made for many of them; empty otherwise.</summary>
    public ReadOnlyMemory<byte> OnWebSocket { get; private init; }

    /// <summary>The same in one array with the header of a WebSocket frame, so that each of many sockets need not make its own.</summary>
    public OutFrame ForWebSockets()
    {
        var framed = WebSocketFrame.Of(Head.Span, Body.Span, IsBinary, out var header);
        return new OutFrame(framed.AsMemory(header), default, IsBinary) { OnWebSocket = framed };
    }

    public override string ToString() =>
        IsBinary ? $"<<{Length} bytes>>" : System.Text.Encoding.UTF8.GetString([.. Head.Span, .. Body.Span]);
}

/// <summary>The port for the versions of the wire protocol.</summary>
internal interface IFrameSerializer
{
    /// <summary>Place of this serializer's frames in an <see cref="EncodedBroadcast"/>.</summary>
    int Slot { get; }

    /// <summary>Whether payloads may be binary.</summary>
    bool CarriesBinary { get; }

    /// <summary>Reads a frame.</summary>
    /// <returns>False if the bytes are no frame of this protocol.</returns>
    bool TryDecode(ReadOnlyMemory<byte> bytes, bool binary, out InFrame frame);

    /// <summary>A message to one channel.</summary>
    OutFrame Push(string? joinRef, string topic, string name, ChannelPayload payload);

    /// <summary>The same; the payload's array is kept and shared.</summary>
    OutFrame PushShared(string? joinRef, string topic, string name, SharedPayload payload);

    /// <summary>An answer.</summary>
    OutFrame Reply(string? joinRef, string? reference, string topic, ChannelReply reply);

    /// <summary>A message to all channels of a topic.</summary>
    OutFrame Broadcast(string topic, string name, ChannelPayload payload);

    /// <summary>A <c>phx_close</c> or <c>phx_error</c> for the join.</summary>
    OutFrame Ended(string? joinRef, string topic, string name, ChannelPayload payload);
}

/// <summary>A JSON payload together with the end of the frame that follows it.</summary>
internal sealed class SharedPayload
{
    public SharedPayload(ReadOnlySpan<byte> json)
    {
        var closed = new byte[json.Length + 1];
        json.CopyTo(closed);
        closed[^1] = (byte)']';
        Closed = closed;
    }

    /// <summary>The JSON and <c>]</c>.</summary>
    public byte[] Closed { get; }

    public ChannelPayload Payload => ChannelPayload.Trusted(Closed.AsMemory(0, Closed.Length - 1));
}

/// <summary>One broadcast on this member: encoded at most once per serializer, however many sockets it goes to.</summary>
internal sealed class EncodedBroadcast(string topic, string name, ChannelPayload payload)
{
    private readonly OutFrame?[] _frames = new OutFrame?[FrameSerializers.Count];

    public string Event => name;

    public ChannelPayload Payload => payload;

    public OutFrame For(IFrameSerializer serializer) =>
        _frames[serializer.Slot] ??= serializer.Broadcast(topic, name, payload).ForWebSockets();
}

/// <summary>Finds the serializer that a client asks for.</summary>
internal static class FrameSerializers
{
    public const int Count = 3;

    public static readonly IFrameSerializer V1 = new V1Serializer();

    public static readonly IFrameSerializer V2 = new V2Serializer();

    /// <summary>For a transport that has only text: what would be a binary frame becomes text with base64 in it.</summary>
    private static readonly IFrameSerializer V2Text = new V2TextSerializer(V2);

    /// <summary>The same version for a transport whose clients cannot read binary frames.</summary>
    public static IFrameSerializer WithoutBinaryFrames(IFrameSerializer serializer) => serializer == V2 ? V2Text : serializer;

    /// <summary>By the <c>vsn</c> parameter; absent means 1.0.0. Null if it is none that is spoken here.</summary>
    public static IFrameSerializer? Find(string? vsn)
    {
        if (string.IsNullOrEmpty(vsn))
        {
            return V1;
        }

        if (!System.Version.TryParse(vsn, out var version) || version is not { Build: >= 0, Minor: 0, Revision: -1 })
        {
            return null;
        }

        return version.Major switch
        {
            1 => V1,
            2 => V2,
            _ => null,
        };
    }
}
