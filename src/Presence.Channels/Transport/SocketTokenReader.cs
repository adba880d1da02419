using System.Text;
using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>Finds the token of a connecting client: a header carries it where an address would be logged.</summary>
internal static class SocketTokenReader
{
    private const string Prefix = "base64url.bearer.phx.";
    private const string LongPollHeader = "X-Phoenix-AuthToken";

    public static string? OfWebSocket(HttpContext http)
    {
        foreach (var protocol in http.WebSockets.WebSocketRequestedProtocols)
        {
            if (protocol.StartsWith(Prefix, StringComparison.Ordinal))
            {
                return Decode(protocol[Prefix.Length..]);
            }
        }

        return OfParameter(http);
    }

    public static string? OfLongPoll(HttpContext http)
    {
        var header = http.Request.Headers[LongPollHeader].ToString();
        return header.Length > 0 ? header : OfParameter(http);
    }

    /// <summary>
    /// The client's own <c>token</c>. A long-polling client appends its session's under the same name, and <c>null</c>
    /// before it has one.
    /// </summary>
    private static string? OfParameter(HttpContext http)
    {
        foreach (var value in http.Request.Query["token"])
        {
            if (!string.IsNullOrEmpty(value) && value != "null" && !LongPollSessions.IsSessionToken(value))
            {
                return value;
            }
        }

        return null;
    }

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
