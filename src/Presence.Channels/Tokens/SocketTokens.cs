using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace Presence.Channels;

/// <summary>Signed, time-limited tokens that name a user, each good for one purpose on every member that shares the keys.</summary>
public sealed class SocketTokens
{
    private const int MaxLength = 4096;

    private readonly IDataProtector _root;
    private readonly TimeProvider _time;

    /// <summary>Made by the container.</summary>
    public SocketTokens(IDataProtectionProvider protection, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(protection);
        _root = protection.CreateProtector("Presence.Channels.SocketToken.v1");
        _time = time;
    }

    /// <summary>Makes a token.</summary>
    /// <param name="purpose">What it is for, such as the name of the socket; no other purpose accepts it.</param>
    /// <param name="userId">Whom it names; not empty.</param>
    /// <param name="lifetime">How long it is good; more than zero.</param>
    public string Create(string purpose, string userId, TimeSpan lifetime)
    {
        ArgumentException.ThrowIfNullOrEmpty(userId);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(lifetime, TimeSpan.Zero);
        var expires = (_time.GetUtcNow() + lifetime).UtcTicks;
        return For(purpose).Protect(FormattableString.Invariant($"{expires}:{userId}"));
    }

    /// <summary>Reads a token.</summary>
    /// <returns>The user, or null if the token is forged, expired, meant for another purpose or no token at all.</returns>
    public string? TryRead(string purpose, string? token)
    {
        var protector = For(purpose);
        if (string.IsNullOrEmpty(token) || token.Length > MaxLength)
        {
            return null;
        }

        try
        {
            var text = protector.Unprotect(token);
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            var expires = long.Parse(text.AsSpan(0, colon), System.Globalization.CultureInfo.InvariantCulture);
            return _time.GetUtcNow().UtcTicks < expires ? text[(colon + 1)..] : null;
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return null;
        }
    }

    private IDataProtector For(string purpose)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        return _root.CreateProtector(purpose);
    }
}
