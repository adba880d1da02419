using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard;

/// <summary>Signed, time-limited admin tokens, good on every member that shares the keys and the password.</summary>
public sealed class PresenceAdminTokens
{
    private readonly ITimeLimitedDataProtector _protector;
    private readonly AdminCredentials _credentials;
    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _time;

    internal PresenceAdminTokens(
        IDataProtectionProvider protection,
        AdminCredentials credentials,
        IOptions<PresenceAdminOptions> options,
        TimeProvider time)
    {
        _protector = protection.CreateProtector("Presence.Admin.Token.v1").ToTimeLimitedDataProtector();
        _credentials = credentials;
        _lifetime = options.Value.TokenLifetime;
        _time = time;
    }

    /// <summary>Whether the token was issued to the admin, by a member with the same keys and password, and has not expired.</summary>
    public bool IsValid(string? token)
    {
        if (string.IsNullOrEmpty(token) || token.Length > 4096)
        {
            return false;
        }

        try
        {
            return _protector.Unprotect(token) == _credentials.Fingerprint;
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
