using System.Text;
using System.Text.Json;
using Presence.Channels;
using Presence.Client;

namespace Presence.TestKit;

/// <summary>A message as the client got it.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Event">The event.</param>
/// <param name="Payload">The payload.</param>
public sealed record TestMessage(string Topic, string Event, ChannelPayload Payload)
{
    /// <summary>For the message of a failed assertion.</summary>
    public override string ToString() => $"{Event} {Payload}";

    internal bool Is(string name, ChannelPayload? payload) => Event == name && (payload is not { } p || Same(p, Payload));

    /// <summary>Whether two payloads say the same, whatever the order of an object's members.</summary>
    internal static bool Same(ChannelPayload a, ChannelPayload b) => a.IsBinary || b.IsBinary
        ? a.IsBinary == b.IsBinary && a.Bytes.Span.SequenceEqual(b.Bytes.Span)
        : JsonElement.DeepEquals(a.ToElement(), b.ToElement());

    /// <summary>What a test gives as a payload: one that is made already, bytes for a binary frame, or a value for JSON.</summary>
    internal static ChannelPayload From(object? payload) => payload switch
    {
        null => ChannelPayload.Empty,
        ChannelPayload made => made,
        byte[] bytes => ChannelPayload.Binary(bytes),
        _ => ChannelPayload.From(payload),
    };

    internal static object ToWire(object? payload)
    {
        var made = From(payload);
        return made.IsBinary ? made.Bytes.ToArray() : made.ToElement();
    }

    internal static ChannelPayload FromWire(JsonElement json, ReadOnlyMemory<byte>? data) =>
        data is { } bytes ? ChannelPayload.Binary(bytes) : ChannelPayload.Json(json.GetRawText());

    internal static string Listed(IEnumerable<TestMessage> messages)
    {
        var text = new StringBuilder();
        foreach (var message in messages)
        {
            text.Append("\n  ").Append(message);
        }

        return text.Length == 0 ? " nothing" : text.ToString();
    }
}

/// <summary>An answer as the client got it.</summary>
/// <param name="Status"><c>ok</c>, <c>error</c> or a word of the channel's own.</param>
/// <param name="Response">What it says.</param>
public sealed record TestReply(string Status, ChannelPayload Response)
{
    /// <summary>Whether the status is <c>ok</c>.</summary>
    public bool IsOk => Status == "ok";

    /// <summary>For the message of a failed assertion.</summary>
    public override string ToString() => $"{Status} {Response}";

    /// <returns>Null if the answer has not arrived.</returns>
    internal static TestReply? Of(Task<PhoenixReply>? reply) => reply is { IsCompletedSuccessfully: true, Result: var answer }
        ? new(answer.Status, TestMessage.FromWire(answer.Response, answer.Data))
        : null;
}
