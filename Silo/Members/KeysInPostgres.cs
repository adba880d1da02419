using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Npgsql;

namespace Presence.Silo;

/// <summary>Keeps the keys that sign tokens in the cluster's database, where every member finds them.</summary>
/// <remarks>Whoever can read the table can sign tokens: it is as secret as the database is.</remarks>
internal sealed class KeysInPostgres : IXmlRepository
{
    private readonly string _connectionString;

    /// <exception cref="SiloStartException">The database cannot be reached, or this user may not create the table.</exception>
    public KeysInPostgres(string connectionString)
    {
        _connectionString = connectionString;
        try
        {
            using var connection = Open();
            using var exists = new NpgsqlCommand("SELECT to_regclass('presence_keys.keys') IS NOT NULL", connection);
            if (exists.ExecuteScalar() is not true)
            {
                // The lock lasts until the transaction of these statements ends: of several that start at once one creates.
                using var create = new NpgsqlCommand(
                    """
                    SELECT pg_advisory_xact_lock(hashtextextended('presence_keys', 0));
                    CREATE SCHEMA IF NOT EXISTS presence_keys;
                    CREATE TABLE IF NOT EXISTS presence_keys.keys (name text PRIMARY KEY, xml text NOT NULL);
                    """,
                    connection);
                create.ExecuteNonQuery();
            }
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException)
        {
            throw new SiloStartException(
                $"The keys that sign tokens cannot be kept in the database of ConnectionStrings:Presence: {e.Message} Presence:KeyDirectory would keep them in a folder."
                    .ReplaceLineEndings(" "));
        }
    }

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        using var connection = Open();
        using var command = new NpgsqlCommand("SELECT xml FROM presence_keys.keys", connection);
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
        using var connection = Open();
        using var command = new NpgsqlCommand(
            "INSERT INTO presence_keys.keys (name, xml) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET xml = EXCLUDED.xml", connection)
        {
            Parameters = { new() { Value = friendlyName }, new() { Value = element.ToString(SaveOptions.DisableFormatting) } },
        };
        command.ExecuteNonQuery();
    }

    private NpgsqlConnection Open()
    {
        var connection = new NpgsqlConnection(_connectionString);
        connection.Open();
        return connection;
    }
}
