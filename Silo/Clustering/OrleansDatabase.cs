using Npgsql;

namespace Presence.Silo;

/// <summary>The membership tables of Orleans in PostgreSQL.</summary>
internal static class OrleansDatabase
{
    public const string Schema = "presence_orleans";

    /// <summary>Returns the connection string with the schema, as the clustering provider needs it.</summary>
    public static string In(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { SearchPath = Schema }.ConnectionString;

    /// <summary>Creates the tables if they are missing. Safe to run concurrently.</summary>
    /// <exception cref="SiloStartException">The database cannot be reached, or permissions are missing.</exception>
    public static async Task CreateSchemaAsync(string connectionString, CancellationToken stop = default)
    {
        try
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var connection = await source.OpenConnectionAsync(stop);
            await using var transaction = await connection.BeginTransactionAsync(stop);
            await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock(hashtextextended('{Schema}', 0))");
            if (!await IsCurrentAsync(connection))
            {
                var script = $"CREATE SCHEMA IF NOT EXISTS {Schema}; SET LOCAL search_path TO {Schema}; {Script()}";
                await ExecuteAsync(connection, script);
            }

            await transaction.CommitAsync(stop);
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException)
        {
            throw new SiloStartException(
                $"The silos' tables in the database of ConnectionStrings:Presence cannot be created: {e.Message}"
                    .ReplaceLineEndings(" "));
        }
    }

    /// <summary>Returns whether the tables are of this version: then no permission to create them is needed.</summary>
    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT obj_description(to_regclass('{Schema}.orleansquery'), 'pg_class') = @mark", connection);
        command.Parameters.AddWithValue("mark", Mark());
        return await command.ExecuteScalarAsync() is true;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static string Mark() => $"presence {Convert.ToHexStringLower(
        System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Text())))[..16]}";

    private static string Script() => $"{Text()}\nCOMMENT ON TABLE orleansquery IS '{Mark()}';";

    private static string Text()
    {
        using var stream = typeof(OrleansDatabase).Assembly.GetManifestResourceStream("OrleansClustering.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
