using System.Text;
using Microsoft.AspNetCore.Http;
using Presence.Channels.Transport.LongPoll;

namespace Presence.Channels.Transport;

/// <summary>Finds the token of a connecting client, in a header if possible: addresses are logged.</summary>
internal static class SocketTokenReader
{
    private const string Prefix = "base64url.bearer.phx.";
    private const string LongPollHeader = "X-Phoenix-AuthToken";

    public static string? OfWebSocket(HttpContext http)
    {
        var protocol = http.WebSockets.WebSocketRequestedProtocols
            .FirstOrDefault(protocol => protocol.StartsWith(Prefix, StringComparison.Ordinal));
        return protocol is null ? OfParameter(http) : Decode(protocol[Prefix.Length..]);
    }

    public static string? OfLongPoll(HttpContext http)
    {
        var header = http.Request.Headers[LongPollHeader].ToString();
        return header.Length > 0 ? header : OfParameter(http);
    }

    /// <summary>
    /// Returns the client's own <c>token</c>. A long-polling client adds the token of its connection under the same
    /// name, or <c>null</c> before it has one.
    /// </summary>
    private static string? OfParameter(HttpContext http) => http.Request.Query["token"].FirstOrDefault(value =>
        !string.IsNullOrEmpty(value) && value != "null" && !LongPollConnections.IsConnectionToken(value));

    private static string? Decode(string encoded)
    {
        var padded = encoded.Replace('-', '+').Replace('_', '/');
        padded += new string('=', (4 - (padded.Length % 4)) % 4);
        try
        {
            return Encoding.UTF8.GetString(Convert.FromBase64String(padded));
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
