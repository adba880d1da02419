namespace Presence.Postgres;

/// <summary>The statements of the lease store. Each is one compare-and-swap, by the clock of the server alone.</summary>
/// <remarks>
/// <c>statement_timestamp()</c> is one time for the whole statement, so that a lease cannot run out between two parts of it,
/// and it lies after the moment the caller sent it. A statement that waited for another's lock judges by a time that is a
/// little old: it takes a lease too late rather than too early. Rows are kept for ever, because their epochs must be.
/// </remarks>
internal sealed class LeaseSql(string schema)
{
    private const string IsLive = "(l.holder IS NOT NULL AND l.until > statement_timestamp())";

    // An epoch that a crash of the server takes back would be given twice, whatever the default of the server is.
    private const string Durably = "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END";

    // Of a row that was not changed: who has it.
    private string Standing => $"""
        SELECT false, epoch, CASE WHEN {IsLive} THEN holder END,
            CASE WHEN {IsLive} THEN until - statement_timestamp() ELSE interval '0' END, NULL::bytea, NULL
        FROM {schema}.leases AS l WHERE name = $1 AND NOT EXISTS (SELECT FROM changed)
        """;

    /// <summary>
    /// $1 name, $2 holder, $3 duration. What was left for an epoch is shown to its holder until its first renewal, and to
    /// nobody later.
    /// </summary>
    public string Acquire => $"""
        WITH changed AS (
            INSERT INTO {schema}.leases AS l (name, epoch, holder, until)
            VALUES ($1, 1, $2, statement_timestamp() + $3)
            ON CONFLICT (name) DO UPDATE SET
                epoch = l.epoch + CASE WHEN {IsLive} THEN 0 ELSE 1 END, holder = excluded.holder, until = excluded.until
            WHERE l.holder = excluded.holder OR NOT {IsLive}
            RETURNING epoch, holder, CASE WHEN state_for = epoch THEN state END AS state)
        SELECT true, epoch, holder, $3, state, {Durably} FROM changed
        UNION ALL {Standing}
        """;

    /// <summary>$1 name, $2 holder, $3 duration, $4 epoch.</summary>
    public string Renew => $"""
        WITH changed AS (
            UPDATE {schema}.leases AS l SET until = statement_timestamp() + $3, state = NULL, state_for = NULL
            WHERE name = $1 AND holder = $2 AND epoch = $4 AND {IsLive}
            RETURNING epoch, holder)
        SELECT true, epoch, holder, $3, NULL::bytea, {Durably} FROM changed
        UNION ALL {Standing}
        """;

    /// <summary>$1 name, $2 holder, $3 epoch, $4 state.</summary>
    public string Release => $"""
        WITH changed AS (
            UPDATE {schema}.leases AS l SET until = '-infinity', holder = NULL, state = $4, state_for = epoch + 1
            WHERE name = $1 AND holder = $2 AND epoch = $3 AND {IsLive}
            RETURNING name)
        SELECT name, {Durably} FROM changed
        """;

    /// <summary>$1 names: those of them that nobody holds any more.</summary>
    public string Free => $"SELECT name FROM {schema}.leases AS l WHERE name = ANY($1) AND NOT {IsLive}";
}
