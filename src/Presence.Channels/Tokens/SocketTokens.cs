using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Presence.Channels.Tokens;

namespace Presence.Channels;

/// <summary>Signed, time-limited tokens of a user for one purpose, valid on every node with the same keys.</summary>
public sealed class SocketTokens
{
    private const int MaxLength = 4096;

    private readonly IDataProtector _protector;
    private readonly TimeProvider _time;
    private readonly ChannelInstruments _instruments;
    private readonly SocketRevocations? _revocations;

    internal SocketTokens(
        IDataProtectionProvider protection,
        TimeProvider time,
        ChannelInstruments instruments,
        SocketRevocations? revocations = null)
    {
        _protector = protection.CreateProtector("Presence.Channels.SocketToken.v3");
        _revocations = revocations;
        _time = time;
        _instruments = instruments;
    }

    /// <summary>Creates a token.</summary>
    /// <param name="purpose">The purpose, such as the name of the socket; the token is not valid for others.</param>
    /// <param name="userId">The user; not empty.</param>
    /// <param name="lifetime">The validity; more than zero. <see cref="Revoke"/> works for 14 days.</param>
    public string Create(string purpose, string userId, TimeSpan lifetime)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        ArgumentException.ThrowIfNullOrEmpty(userId);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lifetime, TimeSpan.Zero);
        var now = _time.GetUtcNow();
        return _protector.Protect(TokenText.Format(purpose, now.UtcTicks, (now + lifetime).UtcTicks, userId));
    }

    /// <summary>Reads a token; see <see cref="Read"/>.</summary>
    /// <returns>The user; null if the token is forged, expired, revoked, for another purpose or missing.</returns>
    public string? TryRead(string purpose, string? token) => Read(purpose, token)?.UserId;

    /// <summary>
    /// Reads a token. Every invalid token costs the same work: it is decrypted once, and purpose and time are both
    /// checked. Rejected tokens are counted (<c>presence.tokens.rejected</c>); a missing token is not.
    /// </summary>
    /// <returns>Null if the token is forged, expired, revoked, for another purpose or missing.</returns>
    public SocketToken? Read(string purpose, string? token)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }

        if (token.Length > MaxLength)
        {
            return Reject("too_long");
        }

        if (Decrypt(token) is not { } content)
        {
            return Reject("forged");
        }

        var isForPurpose = CryptographicOperations.FixedTimeEquals(
            SHA256.HashData(Encoding.UTF8.GetBytes(content.Purpose)), SHA256.HashData(Encoding.UTF8.GetBytes(purpose)));
        var isUnexpired = _time.GetUtcNow().UtcTicks < content.Expires;
        var read = new SocketToken(content.UserId, At(content.Issued), At(content.Expires));
        return !isForPurpose ? Reject("purpose") : !isUnexpired ? Reject("expired")
            : _revocations?.IsRevoked(read) == true ? Reject("revoked") : read;

        static DateTimeOffset At(long ticks) => new(ticks, TimeSpan.Zero);
    }

    /// <summary>
    /// Revokes the tokens that a user got before a time, on all nodes: they are rejected, and sockets whose
    /// <see cref="PresenceSocket.Token"/> is one are closed. Nodes keep it in memory for 14 days; it is forgotten when
    /// all of them have stopped.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="issuedBefore">The time; now if null. Clocks of nodes differ a little.</param>
    /// <exception cref="Node.PresenceOverloadException">100,000 users are revoked.</exception>
    public void Revoke(string userId, DateTimeOffset? issuedBefore = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(userId);
        _revocations?.Revoke(userId, issuedBefore ?? _time.GetUtcNow());
    }

    /// <returns>Null if it was not encrypted with the keys of this cluster.</returns>
    private TokenText? Decrypt(string token)
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

    private SocketToken? Reject(string reason)
    {
        _instruments.TokenRejected(reason);
        return null;
    }
}
