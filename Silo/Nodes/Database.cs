using Orleans.Hosting;
using Presence.Postgres;
using Presence.Postgres.Keys;
using Presence.Silo.Configuration;

namespace Presence.Silo.Nodes;

/// <summary>What the host keeps in PostgreSQL (<c>ConnectionStrings:Presence</c>).</summary>
internal static class Database
{
    /// <summary>Lets silos find each other through the database.</summary>
    public static void UseClustering(ISiloBuilder silo, string database, bool isPod)
    {
        silo.UseAdoNetClustering(o =>
        {
            o.Invariant = "Npgsql";
            o.ConnectionString = PostgresSiloTables.ConnectionString(database);
        });
        if (isPod)
        {
            silo.UseKubernetesHosting();
        }
    }

    /// <summary>Opens the table of the keys that sign tokens.</summary>
    /// <exception cref="SiloStartException">The database cannot be reached, or permissions are missing.</exception>
    public static PostgresXmlRepository OpenKeys(string database)
    {
        try
        {
            return new PostgresXmlRepository(new PostgresKeyTable(database));
        }
        catch (PresencePostgresException e)
        {
            throw new SiloStartException($"{e.Message} Presence:KeyDirectory stores them in a folder.");
        }
    }

    /// <summary>Creates all tables, for nodes that may not create them.</summary>
    /// <exception cref="SiloStartException">
    /// The database is not configured or not reachable, or permissions are missing.
    /// </exception>
    public static async Task CreateTablesAsync(SiloOptions options)
    {
        if (options.Database is not { } database)
        {
            throw new SiloStartException("--create-schema: ConnectionStrings:Presence is not set.");
        }

        _ = OpenKeys(database);
        try
        {
            await PresencePostgresSchema.CreateAsync(database, options.Postgres.Schema, CancellationToken.None);
            await PostgresSiloTables.CreateAsync(database);
        }
        catch (PresencePostgresException e)
        {
            throw new SiloStartException($"--create-schema: {e.Message}");
        }
    }
}
