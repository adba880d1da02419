namespace Presence.Channels;

/// <summary>An answer to a push: a status and a payload.</summary>
/// <param name="Status"><c>ok</c>, <c>error</c> or a word of your own; at most 255 bytes.</param>
/// <param name="Payload">What the client's <c>receive</c> callback is given.</param>
public readonly record struct ChannelReply(string Status, ChannelPayload Payload)
{
    /// <summary>Status <c>ok</c>.</summary>
    public static ChannelReply Ok(ChannelPayload payload = default) => new("ok", payload);

    /// <summary>Status <c>error</c>.</summary>
    public static ChannelReply Error(ChannelPayload payload = default) => new("error", payload);
}

/// <summary>Whether a client may join.</summary>
public readonly struct JoinResult
{
    private JoinResult(bool accepted, ChannelPayload response)
    {
        Accepted = accepted;
        Response = response;
    }

    /// <summary>Whether the client is in. The default value refuses.</summary>
    public bool Accepted { get; }

    /// <summary>What the client is told.</summary>
    public ChannelPayload Response { get; }

    /// <summary>The client is in.</summary>
    public static JoinResult Ok(ChannelPayload response = default) => new(true, response);

    /// <summary>The client is in; the value is sent as JSON.</summary>
    public static JoinResult Ok<T>(T response) => Ok(ChannelPayload.From(response));

    /// <summary>The client is refused.</summary>
    public static JoinResult Error(ChannelPayload response = default) => new(false, response);

    /// <summary>The client is refused; the value is sent as JSON.</summary>
    public static JoinResult Error<T>(T response) => Error(ChannelPayload.From(response));
}

/// <summary>What becomes of a push.</summary>
public readonly struct ChannelResult
{
    private ChannelResult(ChannelReply? answer, bool stop)
    {
        Answer = answer;
        Stops = stop;
    }

    /// <summary>No answer now, and perhaps one later (<see cref="Channel.Reply"/>).</summary>
    public static ChannelResult NoReply => default;

    internal ChannelReply? Answer { get; }

    internal bool Stops { get; }

    /// <summary>Answers with status <c>ok</c>.</summary>
    public static ChannelResult Ok(ChannelPayload payload = default) => new(ChannelReply.Ok(payload), false);

    /// <summary>Answers with status <c>ok</c>; the value is sent as JSON.</summary>
    public static ChannelResult Ok<T>(T payload) => Ok(ChannelPayload.From(payload));

    /// <summary>Answers with status <c>error</c>.</summary>
    public static ChannelResult Error(ChannelPayload payload = default) => new(ChannelReply.Error(payload), false);

    /// <summary>Answers with status <c>error</c>; the value is sent as JSON.</summary>
    public static ChannelResult Error<T>(T payload) => Error(ChannelPayload.From(payload));

    /// <summary>Answers.</summary>
    public static ChannelResult Reply(ChannelReply reply) => new(reply, false);

    /// <summary>Ends the channel normally, after the answer if there is one. The client does not rejoin.</summary>
    public static ChannelResult Stop(ChannelReply? reply = null) => new(reply, true);
}

/// <summary>Names one push of a client, so that it can be answered later. Made by <see cref="Channel.CurrentRef"/>.</summary>
public readonly record struct ReplyRef
{
    internal ReplyRef(string? value) => Value = value;

    internal string? Value { get; }
}

/// <summary>Why a channel ended.</summary>
public enum ChannelEndKind
{
    /// <summary>It stopped itself. The client got <c>phx_close</c>.</summary>
    Stopped,

    /// <summary>The client left. It got the answer and <c>phx_close</c>.</summary>
    Left,

    /// <summary>The client joined the topic again on the same connection.</summary>
    Replaced,

    /// <summary>The connection ended.</summary>
    SocketClosed,

    /// <summary>Its code threw. The client got <c>phx_error</c> and joins again.</summary>
    Crashed,
}

/// <summary>Why a channel ended.</summary>
/// <param name="Kind">Which way.</param>
/// <param name="Error">What was thrown, if it crashed.</param>
public readonly record struct ChannelEnd(ChannelEndKind Kind, Exception? Error = null);
