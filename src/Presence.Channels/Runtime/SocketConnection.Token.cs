using System.Text.Json;
using Presence.Channels.Wire;

namespace Presence.Channels.Runtime;

/// <summary>The end of the connection's token, and its renewal.</summary>
internal sealed partial class SocketConnection
{
    private int _isTokenOver;

    /// <summary>
    /// Ends the channels and closes the connection if its token has expired or is revoked. Channels end at once: a
    /// client that does not answer the close shall not stay present, nor shall its sessions be resumed.
    /// </summary>
    public void CheckToken()
    {
        if (Socket.Token is { } token && Obstacle(token) is { } obstacle
            && Interlocked.Exchange(ref _isTokenOver, 1) == 0)
        {
            Server.Instruments.Closed("token_" + obstacle);
            EndsSessions = true;
            End();
            Close(CloseCodes.PolicyViolation);
        }
    }

    private string? Obstacle(SocketToken token) =>
        token.ExpiresAt <= Server.Time.GetUtcNow() ? "expired"
        : Server.Revocations?.IsRevoked(token) == true ? "revoked"
        : null;

    private async ValueTask RenewAsync(InFrame frame)
    {
        var renewed = await ReadTokenAsync(frame);
        if (renewed is { } token && token.UserId == Socket.Token?.UserId && Obstacle(token) is null)
        {
            Socket.Token = token;
            Answer(frame, ChannelReply.Ok());
        }
        else
        {
            Server.Instruments.TokenRejected("renewal");
            Answer(frame, ChannelReply.Error(PhoenixReasons.InvalidToken));
        }
    }

    private async ValueTask<SocketToken?> ReadTokenAsync(InFrame frame)
    {
        try
        {
            return !frame.Payload.IsBinary
                && frame.Payload.ToElement() is { ValueKind: JsonValueKind.Object } payload
                && payload.TryGetProperty("access_token"u8, out var given)
                && given is { ValueKind: JsonValueKind.String }
                    ? await Socket.RenewAsync(given.GetString()!)
                    : null;
        }
        catch (Exception e)
        {
            Server.Log.ConnectFailed(e, Socket.GetType().Name);
            Server.Instruments.Failed("connect");
            return null;
        }
    }
}
