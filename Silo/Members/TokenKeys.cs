using Microsoft.AspNetCore.DataProtection;

namespace Presence.Silo;

/// <summary>The keys that sign tokens, one ring for all members of this process under one application name.</summary>
/// <param name="Provider">The ring.</param>
/// <param name="Where">For the person who started the host.</param>
internal sealed record TokenKeys(IDataProtectionProvider Provider, string Where)
{
    private const string ApplicationName = "Presence";

    /// <exception cref="SiloStartException">
    /// The directory or the database cannot be used, or several members run outside Development without either: after a restart, or on a
    /// member of another process, every token would be refused.
    /// </exception>
    public static TokenKeys Create(SiloOptions options, bool isDevelopment)
    {
        if (options.KeyDirectory is { Length: > 0 } path)
        {
            return new TokenKeys(InDirectory(path), path);
        }

        if (options.Database is { } database)
        {
            return new TokenKeys(InDatabase(database), "PostgreSQL");
        }

        if (!isDevelopment && options.Nodes > 1)
        {
            throw new SiloStartException(
                "Presence:KeyDirectory is not set, nor ConnectionStrings:Presence: several members outside Development need a "
                + "directory or a database that all of them share for the keys that sign tokens.");
        }

        return new TokenKeys(new EphemeralDataProtectionProvider(), "memory, so that tokens end with this process");
    }

    private static IDataProtectionProvider InDatabase(string connectionString)
    {
        var repository = new KeysInPostgres(connectionString);
        var services = new ServiceCollection();
        services.AddDataProtection()
            .SetApplicationName(ApplicationName)
            .AddKeyManagementOptions(keys => keys.XmlRepository = repository);
        // Lives as long as the process, as the provider does.
        var provider = services.BuildServiceProvider().GetRequiredService<IDataProtectionProvider>();
        provider.CreateProtector("Presence.Start").Protect([]);
        return provider;
    }

    private static IDataProtectionProvider InDirectory(string path)
    {
        try
        {
            var directory = Directory.CreateDirectory(path);
            var provider = DataProtectionProvider.Create(directory, ring => ring.SetApplicationName(ApplicationName));
            // Makes the first key now, so that a directory that cannot be written to stops the start and not a sign-in.
            provider.CreateProtector("Presence.Start").Protect([]);
            return provider;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or System.Security.Cryptography.CryptographicException or ArgumentException)
        {
            throw new SiloStartException(
                $"Presence:KeyDirectory is '{path}': it must be a folder this user can write to ({e.GetBaseException().Message})."
                    .ReplaceLineEndings(" "));
        }
    }
}
