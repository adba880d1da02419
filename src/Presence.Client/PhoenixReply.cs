using System.Text.Json;

namespace Presence.Client;

/// <summary>A push that was sent.</summary>
/// <param name="Sent">Completes when the connection has accepted the frame.</param>
/// <param name="Reply">Completes on the thread that receives the answer, without a time limit.</param>
internal readonly record struct PhoenixPush(Task Sent, Task<PhoenixReply> Reply);

/// <summary>The answer to a push.</summary>
/// <param name="Status"><c>ok</c>, <c>error</c> or a word of the channel's own.</param>
/// <param name="Response">The response; undefined if the answer is binary.</param>
internal sealed record PhoenixReply(string Status, JsonElement Response)
{
    /// <summary>Gets the response of a binary answer; null for text.</summary>
    public ReadOnlyMemory<byte>? Data { get; init; }

    public bool IsOk => Status == "ok";

    /// <summary>Returns the response of an <c>ok</c>.</summary>
    /// <exception cref="PhoenixException">The status is another one; the message has the server's reason.</exception>
    public JsonElement Require(string what)
    {
        if (IsOk)
        {
            return Response;
        }

        var reason = Response.ValueKind == JsonValueKind.Object && Response.TryGetProperty("reason", out var given)
            ? given.ToString()
            : Response.GetRawText();
        throw new PhoenixException($"{what}: {reason}");
    }
}
