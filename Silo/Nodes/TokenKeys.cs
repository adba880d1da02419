using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.DataProtection;

namespace Presence.Silo;

/// <summary>The key ring that signs tokens, for all nodes of this process, and its location for the banner.</summary>
internal sealed record TokenKeys(IDataProtectionProvider Provider, string Where)
{
    private const string ApplicationName = "Presence";

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
            return new TokenKeys(InDatabase(database, certificate), "PostgreSQL" + encrypted);
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

    private static void Configure(IDataProtectionBuilder ring, X509Certificate2? certificate)
    {
        ring.SetApplicationName(ApplicationName);
        if (certificate is not null)
        {
            ring.ProtectKeysWithCertificate(certificate);
        }
    }

    private static IDataProtectionProvider InDatabase(string connectionString, X509Certificate2? certificate)
    {
        var repository = new PostgresXmlRepository(connectionString);
        var services = new ServiceCollection();
        Configure(
            services.AddDataProtection().AddKeyManagementOptions(keys => keys.XmlRepository = repository), certificate);
        // Not disposed: the provider is used until the process ends.
        var provider = services.BuildServiceProvider().GetRequiredService<IDataProtectionProvider>();
        provider.CreateProtector("Presence.Start").Protect([]);
        return provider;
    }

    private static IDataProtectionProvider InDirectory(string path, X509Certificate2? certificate)
    {
        try
        {
            var directory = Directory.CreateDirectory(path);
            var provider = DataProtectionProvider.Create(directory, ring => Configure(ring, certificate));
            // Creates the first key now, so that a read-only directory fails the start and not a sign-in.
            provider.CreateProtector("Presence.Start").Protect([]);
            return provider;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or CryptographicException or ArgumentException)
        {
            throw new SiloStartException(
                $"Presence:KeyDirectory is '{path}': it must be a writable folder ({e.GetBaseException().Message})."
                    .ReplaceLineEndings(" "));
        }
    }
}
