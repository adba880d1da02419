using System.Security.Cryptography;
using System.Text;

namespace Presence.Postgres;

/// <summary>The statements of the link, and the names of its channels.</summary>
internal sealed class LinkSql(string schema)
{
    /// <summary>Heard by all members.</summary>
    public string Everybody => schema;

    /// <summary>Sends any number of notifications in one statement, in order.</summary>
    public const string Notify = "SELECT pg_notify(channel, packet) FROM unnest($1::text[], $2::text[]) AS t (channel, packet)";

    public string Store => $"INSERT INTO {schema}.frames (id, body) SELECT * FROM unnest($1::uuid[], $2::bytea[])";

    public string Fetch => $"SELECT body FROM {schema}.frames WHERE id = $1";

    /// <summary>Rows are for the moment between a notification and its reading; a thousand at a time keeps locks short.</summary>
    public string Sweep => $"""
        DELETE FROM {schema}.frames WHERE id IN (
            SELECT id FROM {schema}.frames WHERE stored < now() - interval '30 seconds' ORDER BY stored LIMIT {MostSwept})
        """;

    public const int MostSwept = 1000;

    /// <summary>
    /// Renews the own row, drops those of members long gone, and reads who is connected now: a session holds a lock of its
    /// own number, so whoever has died or lost its connection does not count, and nobody needs to poll. The row without a name
    /// tells how full the server's queue of notifications is.
    /// </summary>
    public string Upkeep => $"""
        WITH self AS (
            INSERT INTO {schema}.members AS m (name, incarnation, session) VALUES ($1, $2, $3)
            ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, session = excluded.session, seen = now()
            WHERE m.incarnation <= excluded.incarnation),
        gone AS (
            DELETE FROM {schema}.members WHERE seen < now() - interval '1 hour' AND name <> $1)
        SELECT m.name, m.incarnation FROM {schema}.members m
        JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
            AND l.classid::bigint << 32 | l.objid::bigint = m.session
        WHERE m.name <> $1 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL SELECT NULL, (pg_notification_queue_usage() * {QueueParts})::bigint
        """;

    /// <summary>In how many parts of the server's queue of notifications the last row of <see cref="Upkeep"/> tells its fill.</summary>
    public const int QueueParts = 10_000;

    public string Leave => $"""
        WITH self AS (DELETE FROM {schema}.members WHERE name = $1 AND incarnation = $2)
        SELECT pg_notify($3, $4)
        """;

    /// <summary>The channel of one member: a name may be longer than the 63 bytes of a channel.</summary>
    public string ChannelOf(string? member) => member is null
        ? Everybody
        : $"{schema}:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(member)).AsSpan(0, 8))}";

    public string Listen(string member, long session) => $"""
        LISTEN "{Everybody}";
        LISTEN "{ChannelOf(member)}";
        SELECT pg_advisory_lock({session})
        """;
}
