using Presence.Channels.Wire;

namespace Presence.Channels;

/// <summary>An answer to a push: a status and a payload.</summary>
/// <param name="Status"><c>ok</c>, <c>error</c> or another word; at most 255 bytes.</param>
/// <param name="Payload">The argument of the client's <c>receive</c> callback.</param>
public readonly record struct ChannelReply(string Status, ChannelPayload Payload)
{
    /// <summary>Returns a reply with status <c>ok</c>.</summary>
    public static ChannelReply Ok(ChannelPayload payload = default) => new("ok", payload);

    /// <summary>Returns a reply with status <c>error</c>.</summary>
    public static ChannelReply Error(ChannelPayload payload = default) => new("error", payload);
}

/// <summary>Result of a join.</summary>
public readonly struct JoinResult
{
    private JoinResult(bool accepted, ChannelPayload response)
    {
        Accepted = accepted;
        Response = response;
    }

    /// <summary>Gets whether the client has joined. The default value rejects the join.</summary>
    public bool Accepted { get; }

    /// <summary>Gets the payload of the answer.</summary>
    public ChannelPayload Response { get; }

    /// <summary>Accepts the client.</summary>
    public static JoinResult Ok(ChannelPayload response = default) => new(true, response);

    /// <summary>Accepts the client; the value is sent as JSON.</summary>
    public static JoinResult Ok<T>(T response) => Ok(ChannelPayload.From(response));

    /// <summary>Rejects the client.</summary>
    public static JoinResult Error(ChannelPayload response = default) => new(false, response);

    /// <summary>Rejects the client; the value is sent as JSON.</summary>
    public static JoinResult Error<T>(T response) => Error(ChannelPayload.From(response));
}

/// <summary>Result of a push.</summary>
public readonly struct ChannelResult
{
    private ChannelResult(ChannelReply? answer, bool stop)
    {
        Answer = answer;
        Stops = stop;
    }

    /// <summary>Gets the result without an answer; <see cref="Channel.Reply"/> may send one later.</summary>
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

    /// <summary>Answers with a status of your own.</summary>
    public static ChannelResult Reply(ChannelReply reply) => new(reply, false);

    /// <summary>Ends the channel, after the answer if there is one. The client does not rejoin.</summary>
    public static ChannelResult Stop(ChannelReply? reply = null) => new(reply, true);
}

/// <summary>Refers to one push of a client, to answer it later. See <see cref="Channel.CurrentRef"/>.</summary>
public readonly record struct ReplyRef
{
    internal ReplyRef(WireValue value) => Value = value;

    internal WireValue Value { get; }
}

/// <summary>Why a channel ended.</summary>
public enum TerminationReason
{
    /// <summary>The channel stopped itself. The client got <c>phx_close</c>.</summary>
    Stopped,
    /// <summary>The client left. It got the answer and <c>phx_close</c>.</summary>
    Left,
    /// <summary>The client joined the topic again on the same connection.</summary>
    Replaced,
    /// <summary>The connection ended.</summary>
    SocketClosed,
    /// <summary>The channel threw. The client got <c>phx_error</c> and joins again.</summary>
    Failed,
    /// <summary>
    /// The session was resumed by another connection. The client got <c>presence_superseded</c> and <c>phx_close</c>.
    /// </summary>
    Superseded,
}

/// <summary>Why a channel ended.</summary>
/// <param name="Kind">The reason.</param>
/// <param name="Error">The exception, if it failed.</param>
public readonly record struct ChannelTermination(TerminationReason Kind, Exception? Error = null);
