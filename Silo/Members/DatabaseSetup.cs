using Npgsql;
using Presence.Postgres;

namespace Presence.Silo;

/// <summary>Creates all that members need in their database, for where they may not do it themselves.</summary>
internal static class DatabaseSetup
{
    /// <exception cref="SiloStartException">There is no database, it is not reached, or this user may not create tables.</exception>
    public static async Task RunAsync(SiloOptions options)
    {
        if (options.Database is not { } database)
        {
            throw new SiloStartException("--create-schema: ConnectionStrings:Presence is not set; it names the database to prepare.");
        }

        _ = new KeysInPostgres(database);
        await LeasesAsync(database, options.Postgres);
        await OrleansDatabase.CreateSchemaAsync(database);
    }

    private static async Task LeasesAsync(string database, PresencePostgresOptions options)
    {
        try
        {
            options.ConnectionString = database;
            options.Validate();
            await using var source = NpgsqlDataSource.Create(database);
            await using var command = source.CreateCommand(
                $"SELECT pg_advisory_xact_lock(hashtextextended('presence schema {options.Schema}', 0)); {PresencePostgresSchema.Script(options.Schema)}");
            await command.ExecuteNonQueryAsync();
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException or PresencePostgresException)
        {
            throw new SiloStartException($"--create-schema: {e.Message}".ReplaceLineEndings(" "));
        }
    }
}
