using Npgsql;

namespace Presence.Postgres.Keys;

/// <summary>Stores the keys that sign tokens, as texts by name, for all nodes.</summary>
/// <remarks>
/// Read access to the table allows signing tokens. This package does not depend on ASP.NET Core, so its
/// <c>IXmlRepository</c> is with the host.
/// </remarks>
internal sealed class PostgresKeyTable
{
    private readonly NpgsqlDataSource _database;

    /// <summary>Creates the table if it is missing.</summary>
    /// <exception cref="PresencePostgresException">
    /// The database cannot be reached, or permissions are missing.
    /// </exception>
    public PostgresKeyTable(string connectionString)
    {
        try
        {
            _database = NpgsqlDataSource.Create(connectionString);
            using var exists = _database.CreateCommand("SELECT to_regclass('presence_keys.keys') IS NOT NULL");
            if (exists.ExecuteScalar() is not true)
            {
                // The lock lasts until the end of the transaction, so that one of several nodes creates the table.
                using var create = _database.CreateCommand(
                    """
                    SELECT pg_advisory_xact_lock(hashtextextended('presence_keys', 0));
                    CREATE SCHEMA IF NOT EXISTS presence_keys;
                    CREATE TABLE IF NOT EXISTS presence_keys.keys (name text PRIMARY KEY, xml text NOT NULL);
                    """);
                create.ExecuteNonQuery();
            }
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException)
        {
            throw new PresencePostgresException(
                $"Token keys cannot be stored in the database of ConnectionStrings:Presence: {e.Message}"
                    .ReplaceLineEndings(" "),
                e);
        }
    }

    /// <summary>Returns all keys.</summary>
    public IReadOnlyList<string> Read()
    {
        using var command = _database.CreateCommand("SELECT xml FROM presence_keys.keys");
        using var reader = command.ExecuteReader();
        var keys = new List<string>();
        while (reader.Read())
        {
            keys.Add(reader.GetString(0));
        }

        return keys;
    }

    /// <summary>Stores a key; replaces that of the same name.</summary>
    public void Write(string name, string xml)
    {
        using var command = _database.CreateCommand(
            "INSERT INTO presence_keys.keys (name, xml) VALUES ($1, $2) "
            + "ON CONFLICT (name) DO UPDATE SET xml = EXCLUDED.xml");
        command.Parameters.AddWithValue(name);
        command.Parameters.AddWithValue(xml);
        command.ExecuteNonQuery();
    }
}
