using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;
using Presence.Dashboard.SignIn;

namespace Presence.Dashboard;

/// <summary>Signed, time-limited admin tokens, valid on every node with the same keys and password.</summary>
public sealed class PresenceDashboardTokens
{
    private readonly ITimeLimitedDataProtector _protector;
    private readonly AdminCredentials _credentials;
    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _time;

    internal PresenceDashboardTokens(
        IDataProtectionProvider protection,
        AdminCredentials credentials,
        IOptions<PresenceDashboardOptions> options,
        TimeProvider time)
    {
        _protector = protection.CreateProtector("Presence.Admin.Token.v1").ToTimeLimitedDataProtector();
        _credentials = credentials;
        _lifetime = options.Value.TokenLifetime;
        _time = time;
    }

    /// <summary>Returns whether the token was issued with the same keys and password and has not expired.</summary>
    public bool IsValid(string? token) => TryRead(token, out _);

    /// <summary>Returns whether the token is valid, and until when.</summary>
    internal bool TryRead(string? token, out DateTimeOffset expires)
    {
        expires = default;
        if (string.IsNullOrEmpty(token) || token.Length > 4096)
        {
            return false;
        }

        try
        {
            return _protector.Unprotect(token, out expires) == _credentials.Fingerprint;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    internal (string Token, DateTimeOffset Expires) Issue()
    {
        var expires = _time.GetUtcNow() + _lifetime;
        return (_protector.Protect(_credentials.Fingerprint, expires), expires);
    }
}
