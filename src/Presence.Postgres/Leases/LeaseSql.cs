namespace Presence.Postgres.Leases;

/// <summary>The statements of the lease store. Each is one compare-and-swap by the server's clock.</summary>
/// <remarks>
/// <c>statement_timestamp()</c> is one time for the whole statement, so a lease cannot expire within it, and is later
/// than the caller's request. A statement that waited for a lock uses a slightly old time: it acquires too late rather
/// than too early. Rows are never deleted, because their epochs must not be reused.
/// </remarks>
internal sealed class LeaseSql(string schema)
{
    private const string IsLive = "(l.holder IS NOT NULL AND l.until > statement_timestamp())";

    // Without it, a crash of the server could undo an epoch, which would be granted again.
    private const string Durably = "CASE current_setting('synchronous_commit') "
        + "WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END";

    // The holder of an unchanged row.
    private string Unchanged => $"""
        SELECT false, epoch, CASE WHEN {IsLive} THEN holder END,
            CASE WHEN {IsLive} THEN until - statement_timestamp() ELSE interval '0' END, NULL::bytea, NULL
        FROM {schema}.leases AS l WHERE name = $1 AND NOT EXISTS (SELECT FROM changed)
        """;

    /// <summary>$1 name, $2 holder, $3 duration. Returns the handover state until the first renewal.</summary>
    public string Acquire => $"""
        WITH changed AS (
            INSERT INTO {schema}.leases AS l (name, epoch, holder, until)
            VALUES ($1, 1, $2, statement_timestamp() + $3)
            ON CONFLICT (name) DO UPDATE SET
                epoch = l.epoch + CASE WHEN {IsLive} THEN 0 ELSE 1 END, holder = excluded.holder, until = excluded.until
            WHERE l.holder = excluded.holder OR NOT {IsLive}
            RETURNING epoch, holder, CASE WHEN state_for = epoch THEN state END AS state)
        SELECT true, epoch, holder, $3, state, {Durably} FROM changed
        UNION ALL {Unchanged}
        """;

    /// <summary>$1 name, $2 holder, $3 duration, $4 epoch.</summary>
    public string Renew => $"""
        WITH changed AS (
            UPDATE {schema}.leases AS l SET until = statement_timestamp() + $3, state = NULL, state_for = NULL
            WHERE name = $1 AND holder = $2 AND epoch = $4 AND {IsLive}
            RETURNING epoch, holder)
        SELECT true, epoch, holder, $3, NULL::bytea, {Durably} FROM changed
        UNION ALL {Unchanged}
        """;

    /// <summary>$1 name, $2 holder, $3 epoch, $4 state.</summary>
    public string Release => $"""
        WITH changed AS (
            UPDATE {schema}.leases AS l SET until = '-infinity', holder = NULL, state = $4, state_for = epoch + 1
            WHERE name = $1 AND holder = $2 AND epoch = $3 AND {IsLive}
            RETURNING name)
        SELECT name, {Durably} FROM changed
        """;

    /// <summary>$1 names; returns those without a holder.</summary>
    public string Free => $"SELECT name FROM {schema}.leases AS l WHERE name = ANY($1) AND NOT {IsLive}";
}
