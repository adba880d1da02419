using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard;

/// <summary>The one name and password of the admin endpoints, or the reason why there is none.</summary>
internal sealed class AdminCredentials
{
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly byte[] _user;
    private readonly byte[]? _password;

    public AdminCredentials(IOptions<PresenceAdminOptions> options, IHostEnvironment environment)
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

    /// <summary>The password that was made up, to be shown once; null if one was configured or none may be made up.</summary>
    public string? Generated { get; }

    /// <summary>Whether anybody can sign in at all.</summary>
    public bool Available => _password is not null;

    /// <summary>Ties tokens to the credentials: a token of an earlier password is no longer good.</summary>
    public string Fingerprint { get; }

    public static string NewPassword() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(15));

    /// <summary>Takes the same time for every wrong pair: both digests are always made and compared.</summary>
    public bool Matches(string user, string password)
    {
        var sameUser = CryptographicOperations.FixedTimeEquals(Digest(user), _user);
        var samePassword = CryptographicOperations.FixedTimeEquals(Digest(password), _password ?? new byte[32]);
        return sameUser & samePassword & Available;
    }

    // Digests have one length, so the comparison does not tell the length of the password either.
    private byte[] Digest(string text) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(text));

    private static string FingerprintOf(string user, string password) => Base64Url.EncodeToString(
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(password), Encoding.UTF8.GetBytes(user)).AsSpan(0, 12));
}
