using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;

namespace Presence.Channels;

/// <summary>Signed, time-limited tokens that name a user, each good for one purpose on every member that shares the keys.</summary>
public sealed class SocketTokens
{
    private const int MaxLength = 4096;

    private readonly IDataProtector _protector;
    private readonly TimeProvider _time;
    private readonly ChannelInstruments _instruments;

    /// <summary>Made by the container.</summary>
    internal SocketTokens(IDataProtectionProvider protection, TimeProvider time, ChannelInstruments instruments)
    {
        _protector = protection.CreateProtector("Presence.Channels.SocketToken.v2");
        _time = time;
        _instruments = instruments;
    }

    /// <summary>Makes a token.</summary>
    /// <param name="purpose">What it is for, such as the name of the socket; no other purpose accepts it.</param>
    /// <param name="userId">Whom it names; not empty.</param>
    /// <param name="lifetime">How long it is good; more than zero.</param>
    public string Create(string purpose, string userId, TimeSpan lifetime)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        ArgumentException.ThrowIfNullOrEmpty(userId);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lifetime, TimeSpan.Zero);
        return _protector.Protect(TokenText.Format(purpose, (_time.GetUtcNow() + lifetime).UtcTicks, userId));
    }

    /// <summary>
    /// Reads a token. Whatever is wrong with it, the same work is done: it is opened once, and purpose and time are both looked at.
    /// What is refused is counted (<c>presence.tokens.refused</c>); no token at all is not.
    /// </summary>
    /// <returns>The user, or null if the token is forged, expired, meant for another purpose or no token at all.</returns>
    public string? TryRead(string purpose, string? token)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }

        if (token.Length > MaxLength)
        {
            return Refuse("too_long");
        }

        if (Open(token) is not { } content)
        {
            return Refuse("forged");
        }

        var isMeant = CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(Encoding.UTF8.GetBytes(content.Purpose)), SHA256.HashData(Encoding.UTF8.GetBytes(purpose)));
        var isInTime = _time.GetUtcNow().UtcTicks < content.Expires;
        return !isMeant ? Refuse("purpose") : !isInTime ? Refuse("expired") : content.UserId;
    }

    /// <returns>Null if it was not sealed with the keys of this cluster.</returns>
    private TokenText? Open(string token)
    {
        try
        {
            return TokenText.Parse(_protector.Unprotect(token));
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return null;
        }
    }

    private string? Refuse(string reason)
    {
        _instruments.TokenRefused(reason);
        return null;
    }
}
