using System.Text;
using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>Finds the token of a connecting client: a subprotocol carries it where an address would be logged.</summary>
internal static class SocketTokenReader
{
    private const string Prefix = "base64url.bearer.phx.";

    public static string? Read(HttpContext http)
    {
        foreach (var protocol in http.WebSockets.WebSocketRequestedProtocols)
        {
            if (protocol.StartsWith(Prefix, StringComparison.Ordinal))
            {
                return Decode(protocol[Prefix.Length..]);
            }
        }

        var parameter = http.Request.Query["token"].ToString();
        return parameter.Length == 0 ? null : parameter;
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
