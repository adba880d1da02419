using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.DataProtection;
using Presence.Silo.Configuration;

namespace Presence.Silo.Nodes;

/// <summary>The key ring that signs tokens, for all nodes of this process, and its location for the banner.</summary>
internal sealed record TokenKeys(IDataProtectionProvider Provider, string Where)
{
    /// <exception cref="SiloStartException">
    /// The directory or database is unusable, or several nodes run outside Development without either: tokens would be
    /// invalid after a restart and on nodes of other processes.
    /// </exception>
    public static TokenKeys Create(SiloOptions options, bool isDevelopment)
    {
        var certificate = options.KeyCertificate is { Length: > 0 } file
            ? Certificate(file, options.KeyCertificatePassword)
            : null;
        var encrypted = certificate is null ? "" : ", encrypted with a certificate";
        if (options.KeyDirectory is { Length: > 0 } path)
        {
            return new TokenKeys(InDirectory(path, certificate), path + encrypted);
        }

        if (options.Database is { } database)
        {
            var repository = Database.OpenKeys(database);
            return new TokenKeys(
                Open(ring => ring.AddKeyManagementOptions(keys => keys.XmlRepository = repository), certificate),
                "PostgreSQL" + encrypted);
        }

        if (!isDevelopment && options.Nodes > 1)
        {
            throw new SiloStartException(
                "Presence:KeyDirectory is not set, nor ConnectionStrings:Presence: several nodes outside Development "
                + "need a shared directory or database for the keys that sign tokens.");
        }

        return new TokenKeys(new EphemeralDataProtectionProvider(), "memory, so that tokens end with this process");
    }

    private static X509Certificate2 Certificate(string file, string? password)
    {
        try
        {
            var certificate = X509CertificateLoader.LoadPkcs12FromFile(file, password);
            return certificate.GetRSAPrivateKey() is not null
                ? certificate
                : throw new CryptographicException("it has no private key of RSA");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new SiloStartException(
                $"Presence:KeyCertificate is '{file}': it must be a PKCS #12 file with a certificate and its RSA key, "
                + $"and Presence:KeyCertificatePassword its password ({e.Message}).".ReplaceLineEndings(" "));
        }
    }

    private static IDataProtectionProvider InDirectory(string path, X509Certificate2? certificate)
    {
        try
        {
            var directory = Directory.CreateDirectory(path);
            return Open(ring => ring.PersistKeysToFileSystem(directory), certificate);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or CryptographicException or ArgumentException)
        {
            throw new SiloStartException(
                $"Presence:KeyDirectory is '{path}': it must be a writable folder ({e.GetBaseException().Message})."
                    .ReplaceLineEndings(" "));
        }
    }

    private static IDataProtectionProvider Open(Action<IDataProtectionBuilder> store, X509Certificate2? certificate)
    {
        var ring = new ServiceCollection().AddDataProtection().SetApplicationName("Presence");
        store(ring);
        if (certificate is not null)
        {
            ring.ProtectKeysWithCertificate(certificate);
        }

        // Not disposed: the provider is used until the process ends.
        var provider = ring.Services.BuildServiceProvider().GetRequiredService<IDataProtectionProvider>();

        // Creates the first key now, so that a read-only directory fails the start and not a sign-in.
        provider.CreateProtector("Presence.Start").Protect([]);
        return provider;
    }
}
