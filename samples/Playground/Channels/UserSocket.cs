using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>The socket <c>/auth_socket</c>: accepts clients with a token, as its user.</summary>
internal sealed partial class UserSocket(SocketTokens tokens, ILogger<UserSocket> log) : PresenceSocket
{
    public const string TokenPurpose = "auth_socket";

    /// <summary>
    /// The lifetime of a token. A page that is open for longer renews it with the event <c>access_token</c>.
    /// </summary>
    public static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(1);

    private string _userId = "";

    /// <summary>Gets the user of the token.</summary>
    public string UserId => _userId;

    public override string? Id => $"{TokenPurpose}:{_userId}";

    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect)
    {
        Token = tokens.Read(TokenPurpose, connect.Token);
        if (Token is not { UserId: var userId })
        {
            LogRejected(connect.Token is null ? "no token" : "the token is forged, expired or for another purpose");
            return new(ConnectResult.Rejected);
        }

        _userId = userId;
        Assigns["user_id"] = userId;
        return new(ConnectResult.Accepted);
    }

    protected override ValueTask<SocketToken?> RenewAsync(string accessToken) =>
        new(tokens.Read(TokenPurpose, accessToken));

    // Not a warning: anyone can cause it, any number of times. presence.sockets.rejected is for alarms.
    [LoggerMessage(LogLevel.Information, "A client was rejected: {Reason}")]
    private partial void LogRejected(string reason);
}
