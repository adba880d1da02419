using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace Presence.Postgres;

/// <summary>The membership tables of Orleans, by which silos find each other.</summary>
/// <remarks>
/// Orleans' clustering provider reads its statements from a table, so these are ours. They are all that membership
/// needs; reminders and grain storage have tables of their own.
/// </remarks>
public static class PostgresSiloTables
{
    private const string Schema = "presence_orleans";

    /// <summary>Returns the connection string for the clustering provider, with the schema of the tables.</summary>
    /// <param name="connectionString">The Npgsql connection string, as in <c>ConnectionStrings:Presence</c>.</param>
    public static string ConnectionString(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { SearchPath = Schema }.ConnectionString;

    /// <summary>
    /// Creates the tables if they are missing, in schema <c>presence_orleans</c>; without the right to create them, if
    /// they exist. Call it before the silo starts; several silos may at once.
    /// </summary>
    /// <param name="connectionString">The Npgsql connection string, as in <c>ConnectionStrings:Presence</c>.</param>
    /// <param name="cancellation">Cancels the creation.</param>
    /// <exception cref="PresencePostgresException">
    /// The database cannot be reached, or permissions are missing.
    /// </exception>
    public static async Task CreateAsync(string connectionString, CancellationToken cancellation = default)
    {
        try
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock(hashtextextended('{Schema}', 0))")
                .ConfigureAwait(false);
            if (!await IsCurrentAsync(connection).ConfigureAwait(false))
            {
                var script = $"CREATE SCHEMA IF NOT EXISTS {Schema}; SET LOCAL search_path TO {Schema}; {Script()}";
                await ExecuteAsync(connection, script).ConfigureAwait(false);
            }

            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException)
        {
            throw new PresencePostgresException(
                $"The silos' tables in the database of ConnectionStrings:Presence cannot be created: {e.Message}"
                    .ReplaceLineEndings(" "),
                e);
        }
    }

    /// <summary>Returns whether the tables are of this version: then no permission to create them is needed.</summary>
    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT obj_description(to_regclass('{Schema}.orleansquery'), 'pg_class') = @mark", connection);
        command.Parameters.AddWithValue("mark", Mark());
        return await command.ExecuteScalarAsync().ConfigureAwait(false) is true;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }

    private static string Mark() =>
        $"presence {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text())))[..16]}";

    private static string Script() => $"{Text()}\nCOMMENT ON TABLE orleansquery IS '{Mark()}';";

    private static string Text()
    {
        using var stream = typeof(PostgresSiloTables).Assembly.GetManifestResourceStream("OrleansClustering.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
