using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard.SignIn;

/// <summary>Name and password of the admin endpoints.</summary>
internal sealed class AdminCredentials
{
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _user;
    private readonly byte[]? _password;

    public AdminCredentials(IOptions<PresenceDashboardOptions> options, IHostEnvironment environment)
    {
        User = options.Value.User;
        var password = string.IsNullOrEmpty(options.Value.Password) ? null : options.Value.Password;
        if (password is null && environment.IsDevelopment())
        {
            password = Generated = NewPassword();
        }

        _user = Digest(User);
        _password = password is null ? null : Digest(password);
        Fingerprint = password is null ? "" : FingerprintOf(User, password);
    }

    public string User { get; }

    /// <summary>Gets the generated password; null if one is configured or the environment is not Development.</summary>
    public string? Generated { get; }

    /// <summary>Gets whether there is a password.</summary>
    public bool Available => _password is not null;

    /// <summary>Gets the content of tokens, so that tokens of an earlier password are not valid.</summary>
    public string Fingerprint { get; }

    /// <summary>Returns 20 random URL-safe characters.</summary>
    public static string NewPassword() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(15));

    /// <summary>Compares in constant time: both digests are always computed.</summary>
    public bool Matches(string user, string password)
    {
        var sameUser = CryptographicOperations.FixedTimeEquals(Digest(user), _user);
        var samePassword = CryptographicOperations.FixedTimeEquals(Digest(password), _password ?? new byte[32]);
        return sameUser & samePassword & Available;
    }

    // Digests have one length, so the comparison does not reveal the length of the password.
    private byte[] Digest(string text) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(text));

    private static string FingerprintOf(string user, string password) => Base64Url.EncodeToString(
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(password), Encoding.UTF8.GetBytes(user)).AsSpan(0, 12));
}
