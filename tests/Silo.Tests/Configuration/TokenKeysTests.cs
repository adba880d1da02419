using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.DataProtection;
using Presence.Silo.Nodes;

namespace Presence.Silo.Tests.Configuration;

/// <summary>The keys that sign tokens, at rest.</summary>
public sealed class TokenKeysTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("presence-keys-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Certificate_encrypts_the_keys()
    {
        var file = Path.Combine(_folder.FullName, "keys.pfx");
        File.WriteAllBytes(file, Certificate().Export(X509ContentType.Pfx, "secret"));
        var token = Keys("ring", file, "secret").Provider.CreateProtector("p").Protect("text");
        Assert.Equal("text", Keys("ring", file, "secret").Provider.CreateProtector("p").Unprotect(token));
        var xml = File.ReadAllText(Directory.GetFiles(Path.Combine(_folder.FullName, "ring")).Single());
        Assert.Contains("EncryptedData", xml, StringComparison.Ordinal);
        Assert.DoesNotContain("<masterKey", xml, StringComparison.Ordinal);
        var readable = Keys("plain", null, null).Provider.CreateProtector("p").Protect("text");
        Assert.NotEmpty(readable);
        xml = File.ReadAllText(Directory.GetFiles(Path.Combine(_folder.FullName, "plain")).Single());
        Assert.Contains("<masterKey", xml, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrong")]
    [InlineData(null)]
    public void Certificate_that_cannot_be_read_stops_the_start(string? password)
    {
        var file = Path.Combine(_folder.FullName, "keys.pfx");
        File.WriteAllBytes(file, Certificate().Export(X509ContentType.Pfx, "secret"));
        var error = Assert.Throws<SiloStartException>(() => Keys("ring", file, password));
        Assert.StartsWith($"Presence:KeyCertificate is '{file}': it must be", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Throws<SiloStartException>(() => Keys("ring", file + ".missing", "secret"));
    }

    private TokenKeys Keys(string folder, string? certificate, string? password) => TokenKeys.Create(
        SiloOptionsTests.Read(
            ("Presence:KeyDirectory", Path.Combine(_folder.FullName, folder)),
            ("Presence:KeyCertificate", certificate),
            ("Presence:KeyCertificatePassword", password)),
        isDevelopment: false);

    private static X509Certificate2 Certificate()
    {
        using var key = RSA.Create(2048);
        return new CertificateRequest("CN=keys", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
    }
}
