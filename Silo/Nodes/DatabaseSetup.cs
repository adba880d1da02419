using Npgsql;
using Presence.Postgres;

namespace Presence.Silo;

/// <summary>Creates all tables, for nodes that may not create them.</summary>
internal static class DatabaseSetup
{
    /// <exception cref="SiloStartException">
    /// The database is not configured or not reachable, or permissions are missing.
    /// </exception>
    public static async Task RunAsync(SiloOptions options)
    {
        if (options.Database is not { } database)
        {
            throw new SiloStartException("--create-schema: ConnectionStrings:Presence is not set.");
        }

        _ = new PostgresXmlRepository(database);
        await CreateLeaseTablesAsync(database, options.Postgres);
        await OrleansDatabase.CreateSchemaAsync(database);
    }

    private static async Task CreateLeaseTablesAsync(string database, PresencePostgresOptions options)
    {
        try
        {
            await using var source = NpgsqlDataSource.Create(database);
            await using var command = source.CreateCommand(
                $"SELECT pg_advisory_xact_lock(hashtextextended('presence schema {options.Schema}', 0)); "
                + PresencePostgresSchema.Script(options.Schema));
            await command.ExecuteNonQueryAsync();
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException
            or PresencePostgresException)
        {
            throw new SiloStartException($"--create-schema: {e.Message}".ReplaceLineEndings(" "));
        }
    }
}
