using Presence.Channels;

namespace Presence.Silo;

/// <summary><c>/auth_socket</c>: whoever holds a token, as the user it names.</summary>
internal sealed class UserSocket(SocketTokens tokens) : PresenceSocket
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
            return new(ConnectResult.Refuse);
        }

        _userId = userId;
        Assigns["user_id"] = userId;
        return new(ConnectResult.Accept);
    }
}
