using Npgsql;
using Presence.Postgres.Leases;

namespace Presence.Postgres;

/// <summary>Runs statements that end in time, and creates the tables before the first one.</summary>
/// <param name="source">The database.</param>
/// <param name="user">What uses it, for messages.</param>
internal sealed class PostgresStatements(PostgresSource source, string user)
{
    private volatile bool _hasSchema;
    private volatile string? _lastError;

    public string? LastError => _lastError;

    /// <summary>Completes at the latest on cancellation or <c>CommandTimeout</c>, even if the query hangs.</summary>
    /// <exception cref="PresencePostgresException">It failed; the message says why.</exception>
    public async ValueTask<T> QueryAsync<T>(
        string sql,
        NpgsqlParameter[] parameters,
        Func<NpgsqlDataReader, CancellationToken, Task<T>> read,
        CancellationToken cancellation)
    {
        try
        {
            var result = await AbandonableWork.RunAsync(
                abandon => Task.Run(() => RunAsync(sql, parameters, read, abandon), CancellationToken.None),
                source.Options.CommandTimeout,
                cancellation).ConfigureAwait(false);
            _lastError = null;
            return result;
        }
        catch (TimeoutException e)
        {
            throw Describe(e);
        }
    }

    private async Task<T> RunAsync<T>(
        string sql,
        NpgsqlParameter[] parameters,
        Func<NpgsqlDataReader, CancellationToken, Task<T>> read,
        CancellationToken abandon)
    {
        try
        {
            await using var connection = await source.OpenAsync(abandon).ConfigureAwait(false);
            if (!_hasSchema)
            {
                await PresencePostgresSchema.EnsureAsync(connection, source.Options, abandon).ConfigureAwait(false);
                _hasSchema = true;
            }

            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = AbandonableWork.NoTimeout };
            command.Parameters.AddRange(parameters);
            await using var reader = await command.ExecuteReaderAsync(abandon).ConfigureAwait(false);
            var result = await read(reader, abandon).ConfigureAwait(false);
            // Reads to the end, because the server reports commit errors after the rows.
            await reader.CloseAsync().ConfigureAwait(false);
            return result;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            _hasSchema &= e is not PostgresException { SqlState: PostgresErrorCodes.UndefinedTable };
            throw Describe(e);
        }
    }

    private PresencePostgresException Describe(Exception e)
    {
        var error = $"The {user} failed: {source.Explain(e)}";
        _lastError = error;
        return new(error, e);
    }
}
