using Npgsql;

namespace Presence.Postgres;

/// <summary>The tables, and how they come to be.</summary>
public static class PresencePostgresSchema
{
    /// <summary>Version of the tables this library works with.</summary>
    public const int Version = 1;

    /// <summary>
    /// What creates the tables, to be run by their owner where members may not create any
    /// (<see cref="PresencePostgresOptions.CreateSchema"/> false), with the rights for a role that members use.
    /// </summary>
    /// <param name="schema">The schema.</param>
    /// <param name="role">A role that exists, to be given the rights a member needs; null to grant nothing.</param>
    /// <remarks>May be run again.</remarks>
    public static string Script(string schema = "presence", string? role = null)
    {
        var options = new PresencePostgresOptions { Schema = schema, ConnectionString = "Host=unused" };
        options.Validate();
        return role is null ? Tables(schema) : Tables(schema) + Rights(schema, "\"" + role.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"");
    }

    /// <summary>Creates what is missing, once, however many members start. The caller sets it a time, see <see cref="Surrender"/>.</summary>
    internal static async Task EnsureAsync(
        NpgsqlConnection connection, PresencePostgresOptions options, CancellationToken cancellation)
    {
        if (await ReadVersionAsync(connection, options.Schema, cancellation).ConfigureAwait(false) is { } there)
        {
            Check(options.Schema, there);
            return;
        }

        if (!options.CreateSchema)
        {
            throw new PresencePostgresException(
                $"The schema {options.Schema} is not there and {nameof(options.CreateSchema)} is false: run the script of "
                + $"{nameof(PresencePostgresSchema)}.{nameof(Script)} as its owner.");
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        // Two that create at once would fail on each other's half-made tables: one does, the others wait and find them.
        await using var command = new NpgsqlCommand(
            $"SELECT pg_advisory_xact_lock(hashtextextended('presence schema {options.Schema}', 0));{Tables(options.Schema)}",
            connection,
            transaction)
        {
            CommandTimeout = Surrender.NoTimeout,
        };
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
    }

    private static async Task<int?> ReadVersionAsync(NpgsqlConnection connection, string schema, CancellationToken cancellation)
    {
        await using var find = new NpgsqlCommand("SELECT to_regclass($1) IS NOT NULL", connection)
        {
            Parameters = { new() { Value = $"{schema}.version" } },
            CommandTimeout = Surrender.NoTimeout,
        };
        if (await find.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is not true)
        {
            return null;
        }

        await using var read = new NpgsqlCommand($"SELECT version FROM {schema}.version", connection)
        {
            CommandTimeout = Surrender.NoTimeout,
        };
        return await read.ExecuteScalarAsync(cancellation).ConfigureAwait(false) as int?;
    }

    private static void Check(string schema, int there)
    {
        if (there != Version)
        {
            throw new PresencePostgresException(
                $"The tables of schema {schema} have version {there}, this library works with {Version}: "
                + (there > Version ? "use a newer library, or another schema." : "run the upgrade script of the release notes."));
        }
    }

    private static string Tables(string schema) => $"""

        CREATE SCHEMA IF NOT EXISTS {schema};
        CREATE TABLE IF NOT EXISTS {schema}.version (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            version integer NOT NULL);
        CREATE TABLE IF NOT EXISTS {schema}.leases (
            name text PRIMARY KEY,
            epoch bigint NOT NULL,
            holder text,
            until timestamptz NOT NULL,
            state bytea,
            state_for bigint);
        INSERT INTO {schema}.version (version) VALUES ({Version}) ON CONFLICT DO NOTHING;

        """;

    private static string Rights(string schema, string role) => $"""

        GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT ON {schema}.version TO {role};
        GRANT SELECT, INSERT, UPDATE ON {schema}.leases TO {role};

        """;
}
