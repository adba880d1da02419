using Presence.Channels;

namespace Presence.Silo;

/// <summary><c>/auth_socket</c>: whoever holds a token, as the user it names.</summary>
internal sealed partial class UserSocket(SocketTokens tokens, ILogger<UserSocket> log) : PresenceSocket
{
    public const string TokenPurpose = "auth_socket";

    /// <summary>A page that stays open longer asks for a new token when it connects anew.</summary>
    public static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(1);

    private string _userId = "";

    /// <summary>The user that the token names.</summary>
    public string UserId => _userId;

    public override string? Id => $"{TokenPurpose}:{_userId}";

    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnect connect)
    {
        if (tokens.TryRead(TokenPurpose, connect.Token) is not { } userId)
        {
            LogRefused(connect.Token is null ? "no token" : "the token is forged, expired or for something else");
            return new(ConnectResult.Refuse);
        }

        _userId = userId;
        Assigns["user_id"] = userId;
        return new(ConnectResult.Accept);
    }

    // Not a warning: anybody can cause it, as often as they like. The counter presence.sockets.refused is for alarms.
    [LoggerMessage(LogLevel.Information, "A client was refused: {Reason}")]
    private partial void LogRefused(string reason);
}
