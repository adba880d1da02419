using System.Text;
using System.Text.Json;
using Presence.Channels;
using Presence.Client;

namespace Presence.TestKit;

/// <summary>A message as the client received it.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Event">The event.</param>
/// <param name="Payload">The payload.</param>
public sealed record TestMessage(string Topic, string Event, ChannelPayload Payload)
{
    /// <summary>Returns text for messages of failed assertions.</summary>
    public override string ToString() => $"{Event} {Payload}";

    internal bool Is(string name, ChannelPayload? payload) =>
        Event == name && (payload is not { } p || Same(p, Payload));

    /// <summary>Returns whether two payloads are equal, ignoring the order of properties.</summary>
    internal static bool Same(ChannelPayload a, ChannelPayload b) => a.IsBinary || b.IsBinary
        ? a.IsBinary == b.IsBinary && a.Bytes.Span.SequenceEqual(b.Bytes.Span)
        : JsonElement.DeepEquals(a.ToElement(), b.ToElement());

    /// <summary>Converts a payload, bytes for a binary frame, or a value for JSON.</summary>
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

/// <summary>A reply as the client received it.</summary>
/// <param name="Status"><c>ok</c>, <c>error</c> or a status of the application.</param>
/// <param name="Response">The response.</param>
public sealed record TestReply(string Status, ChannelPayload Response)
{
    /// <summary>Gets whether the status is <c>ok</c>.</summary>
    public bool IsOk => Status == "ok";

    /// <summary>Returns text for messages of failed assertions.</summary>
    public override string ToString() => $"{Status} {Response}";

    /// <returns>Null if the reply has not arrived.</returns>
    internal static TestReply? Of(Task<PhoenixReply>? reply) =>
        reply is { IsCompletedSuccessfully: true, Result: var answer }
            ? new(answer.Status, TestMessage.FromWire(answer.Response, answer.Data))
            : null;
}
