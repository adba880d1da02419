using System.Security.Cryptography;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>Where a long-poll connection is: the text of its token.</summary>
/// <param name="Server">Random ID of the start of the server that owns it; clients cannot guess it.</param>
/// <param name="Connection">Random ID of the connection.</param>
/// <param name="Node">Name of the node.</param>
internal readonly record struct LongPollAddress(Guid Server, Guid Connection, string Node)
{
    private const int IdLength = 32;

    public static Guid NewId() => new(RandomNumberGenerator.GetBytes(16));

    public static LongPollAddress? Parse(string? text) =>
        text?.Length > 2 * IdLength
        && Guid.TryParseExact(text[..IdLength], "N", out var server)
        && Guid.TryParseExact(text[IdLength..(2 * IdLength)], "N", out var connection)
            ? new LongPollAddress(server, connection, text[(2 * IdLength)..])
            : null;

    public override string ToString() => $"{Server:N}{Connection:N}{Node}";
}
