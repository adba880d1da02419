using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Npgsql;

namespace Presence.Silo;

/// <summary>Stores the keys that sign tokens in the database, for all nodes.</summary>
/// <remarks>Read access to the table allows signing tokens.</remarks>
internal sealed class PostgresXmlRepository : IXmlRepository
{
    private readonly NpgsqlDataSource _database;

    /// <exception cref="SiloStartException">The database cannot be reached, or permissions are missing.</exception>
    public PostgresXmlRepository(string connectionString)
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
            throw new SiloStartException(
                $"Token keys cannot be stored in the database of ConnectionStrings:Presence: {e.Message} "
                    .ReplaceLineEndings(" ")
                + "Presence:KeyDirectory stores them in a folder.");
        }
    }

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var command = _database.CreateCommand("SELECT xml FROM presence_keys.keys");
        using var reader = command.ExecuteReader();
        var elements = new List<XElement>();
        while (reader.Read())
        {
            elements.Add(XElement.Parse(reader.GetString(0)));
        }

        return elements;
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        using var command = _database.CreateCommand(
            "INSERT INTO presence_keys.keys (name, xml) VALUES ($1, $2) "
            + "ON CONFLICT (name) DO UPDATE SET xml = EXCLUDED.xml");
        command.Parameters.AddWithValue(friendlyName);
        command.Parameters.AddWithValue(element.ToString(SaveOptions.DisableFormatting));
        command.ExecuteNonQuery();
    }
}
