using Npgsql;
using Presence.Postgres.Leases;

namespace Presence.Postgres;

/// <summary>The tables and their creation.</summary>
public static class PresencePostgresSchema
{
    /// <summary>Supported version of the tables.</summary>
    internal const int Version = 1;

    /// <summary>
    /// Returns the script that creates the tables, for their owner to run if nodes may not create them
    /// (<see cref="PresencePostgresOptions.CreateSchema"/> is false). It may be run again.
    /// </summary>
    /// <param name="schema">The schema.</param>
    /// <param name="role">An existing role that gets the privileges a node needs; null to grant none.</param>
    public static string Script(string schema = "presence", string? role = null)
    {
        var options = new PresencePostgresOptions { Schema = schema, ConnectionString = "Host=unused" };
        options.Validate();
        return role is null
            ? Tables(schema)
            : Tables(schema) + Rights(schema, $"\"{role.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
    }

    /// <summary>Creates missing tables, once even if several nodes start. The caller must set a timeout.</summary>
    internal static async Task EnsureAsync(
        NpgsqlConnection connection, PresencePostgresOptions options, CancellationToken cancellation)
    {
        if (await ReadVersionAsync(connection, options.Schema, cancellation).ConfigureAwait(false) is { } version)
        {
            CheckVersion(options.Schema, version);
            return;
        }

        if (!options.CreateSchema)
        {
            throw new PresencePostgresException(
                $"The schema {options.Schema} does not exist and {nameof(options.CreateSchema)} is false: run "
                + $"{nameof(PresencePostgresSchema)}.{nameof(Script)} as its owner.");
        }

        await using var transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        await using var command = new NpgsqlCommand(
            Lock(options.Schema) + Tables(options.Schema), connection, transaction)
        {
            CommandTimeout = AbandonableWork.NoTimeout,
        };
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs <see cref="Script"/>, for a user that may create the tables.</summary>
    /// <exception cref="PresencePostgresException">
    /// The database cannot be reached, or permissions are missing.
    /// </exception>
    internal static async Task CreateAsync(string connectionString, string schema, CancellationToken cancellation)
    {
        try
        {
            await using var source = NpgsqlDataSource.Create(connectionString);
            await using var command = source.CreateCommand(Lock(schema) + Script(schema));
            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or TimeoutException)
        {
            throw new PresencePostgresException(e.Message.ReplaceLineEndings(" "), e);
        }
    }

    private static async Task<int?> ReadVersionAsync(
        NpgsqlConnection connection, string schema, CancellationToken cancellation)
    {
        // The last table too: one that an earlier build has not created is created now.
        await using var find = new NpgsqlCommand(
            "SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL", connection)
        {
            Parameters = { new() { Value = $"{schema}.version" }, new() { Value = $"{schema}.last_seen" } },
            CommandTimeout = AbandonableWork.NoTimeout,
        };
        if (await find.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is not true)
        {
            return null;
        }

        await using var read = new NpgsqlCommand($"SELECT version FROM {schema}.version", connection)
        {
            CommandTimeout = AbandonableWork.NoTimeout,
        };
        return await read.ExecuteScalarAsync(cancellation).ConfigureAwait(false) as int?;
    }

    private static void CheckVersion(string schema, int version)
    {
        if (version != Version)
        {
            throw new PresencePostgresException(
                $"The tables of schema {schema} have version {version}, this library works with {Version}: "
                + (version > Version
                    ? "use a newer library, or another schema."
                    : "run the upgrade script of the release notes."));
        }
    }

    /// <summary>Returns a statement that lets one node create the tables: concurrent creations would fail.</summary>
    private static string Lock(string schema) =>
        $"SELECT pg_advisory_xact_lock(hashtextextended('presence schema {schema}', 0));";

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
        CREATE TABLE IF NOT EXISTS {schema}.last_seen (key bytea PRIMARY KEY, at timestamptz NOT NULL);
        CREATE INDEX IF NOT EXISTS last_seen_at ON {schema}.last_seen (at);
        INSERT INTO {schema}.version (version) VALUES ({Version}) ON CONFLICT DO NOTHING;

        """;

    private static string Rights(string schema, string role) => $"""

        GRANT USAGE ON SCHEMA {schema} TO {role};
        GRANT SELECT ON {schema}.version TO {role};
        GRANT SELECT, INSERT, UPDATE ON {schema}.leases TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.last_seen TO {role};

        """;
}
