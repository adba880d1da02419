using System.Text;
using Npgsql;
using NpgsqlTypes;
using Presence.Node;
using Presence.Postgres.Leases;

namespace Presence.Postgres.LastSeen;

/// <summary>Stores when keys were last present in a table that all nodes share.</summary>
internal sealed class PostgresLastSeenStore : ILastSeenStore
{
    /// <summary>Maximum number of outdated rows that one cleanup deletes.</summary>
    public const int MaxDeleted = 10_000;

    private static readonly TimeSpan CleanupInterval = TimeSpan.FromHours(1);

    private readonly PostgresStatements _statements;
    private readonly TimeSpan _retention;
    private readonly TimeProvider _time;
    private readonly string _write;
    private readonly string _read;
    private readonly string _delete;
    private long? _cleaned;

    public PostgresLastSeenStore(PostgresSource source, TimeSpan retention, TimeProvider time)
    {
        // Keys are bytes: a text of PostgreSQL cannot have U+0000.
        var table = $"{source.Options.Schema}.last_seen";
        (_statements, _retention, _time) = (new(source, "last-seen store"), retention, time);
        _write = $"""
            INSERT INTO {table} AS l (key, at) SELECT * FROM unnest($1, $2)
            ON CONFLICT (key) DO UPDATE SET at = excluded.at WHERE l.at < excluded.at
            """;
        _read = $"SELECT key, at FROM {table} WHERE key = ANY($1) AND at > $2";
        _delete = $"""
            DELETE FROM {table} WHERE key IN (SELECT key FROM {table} WHERE at <= $1 LIMIT {MaxDeleted})
            """;
    }

    public bool IsShared => true;

    private NpgsqlParameter Oldest => new()
    {
        Value = (_time.GetUtcNow() - _retention).UtcDateTime,
        NpgsqlDbType = NpgsqlDbType.TimestampTz,
    };

    public async ValueTask WriteAsync(
        IReadOnlyCollection<KeyValuePair<string, DateTimeOffset>> times, CancellationToken cancellation)
    {
        // In one order, so that the writes of two nodes do not wait for each other.
        var ordered = times.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToArray();
        var at = new NpgsqlParameter
        {
            Value = ordered.Select(pair => pair.Value.UtcDateTime).ToArray(),
            NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz,
        };
        await _statements.QueryAsync(_write, [Keys(ordered.Select(pair => pair.Key)), at], None, cancellation)
            .ConfigureAwait(false);
        if (_cleaned is not { } before || _time.GetElapsedTime(before) >= CleanupInterval)
        {
            await _statements.QueryAsync(_delete, [Oldest], None, cancellation).ConfigureAwait(false);
            _cleaned = _time.GetTimestamp();
        }
    }

    public ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(
        IReadOnlyCollection<string> keys, CancellationToken cancellation) => _statements.QueryAsync(
        _read,
        [Keys(keys), Oldest],
        static async (reader, abandon) =>
        {
            var times = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
            while (await reader.ReadAsync(abandon).ConfigureAwait(false))
            {
                times[Encoding.UTF8.GetString((byte[])reader.GetValue(0))] =
                    new DateTimeOffset(reader.GetDateTime(1));
            }

            return (IReadOnlyDictionary<string, DateTimeOffset>)times;
        },
        cancellation);

    private static Task<bool> None(NpgsqlDataReader reader, CancellationToken cancellation) => Task.FromResult(true);

    private static NpgsqlParameter Keys(IEnumerable<string> keys) => new()
    {
        Value = keys.Select(Encoding.UTF8.GetBytes).ToArray(),
        NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea,
    };
}
