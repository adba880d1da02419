using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Leases in a table: see <see cref="LeaseSql"/> for why they hold.</summary>
internal sealed class PostgresLeaseStore : ILeaseStore, IDisposable
{
    private const int MostNameBytes = 255;
    private const int MostHolderBytes = 512;
    private const int MostStateBytes = 64 * 1024;

    private readonly PostgresSource _source;
    private readonly string _acquire;
    private readonly string _renew;
    private readonly string _release;
    private readonly string _free;
    private readonly LeaseWatch _watch;
    private volatile bool _isSchemaThere;

    public PostgresLeaseStore(PostgresSource source, ILogger<PostgresLeaseStore> log, TimeProvider? time = null)
    {
        var sql = new LeaseSql(source.Options.Schema);
        _source = source;
        (_acquire, _renew, _release, _free) = (sql.Acquire, sql.Renew, sql.Release, sql.Free);
        _watch = new LeaseWatch(ReadFreeAsync, source.Options.PollInterval, log, time ?? TimeProvider.System);
    }

    public async ValueTask<LeaseAnswer> AcquireAsync(
        string name, string holder, TimeSpan duration, CancellationToken cancellation)
    {
        Check(name, holder, duration);
        while (true)
        {
            if (await SwapAsync(_acquire, [Text(name), Text(holder), Interval(duration)], cancellation).ConfigureAwait(false)
                is { } answer)
            {
                return answer;
            }

            // Somebody else made the row while this statement ran, so it neither took it nor saw whose it is: look again.
        }
    }

    public async ValueTask<LeaseAnswer> RenewAsync(
        string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation)
    {
        Check(name, holder, duration);
        // Nothing comes back of a name that was never held.
        return await SwapAsync(_renew, [Text(name), Text(holder), Interval(duration), Number(epoch)], cancellation)
            .ConfigureAwait(false) ?? new LeaseAnswer(false, 0, null, TimeSpan.Zero);
    }

    public ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation)
    {
        Check(name, holder, TimeSpan.MaxValue);
        if (state.Length > MostStateBytes)
        {
            throw new ArgumentException($"The state has {state.Length} bytes; at most {MostStateBytes} can be left for the next holder.", nameof(state));
        }

        var left = new NpgsqlParameter { Value = state.ToArray(), NpgsqlDbType = NpgsqlDbType.Bytea };
        return QueryAsync(
            _release, [Text(name), Text(holder), Number(epoch), left], static (reader, giveUp) => reader.ReadAsync(giveUp), cancellation);
    }

    public IDisposable WatchReleases(string name, Action onReleased)
    {
        CheckText(nameof(name), name, MostNameBytes);
        ArgumentNullException.ThrowIfNull(onReleased);
        return _watch.Add(name, onReleased);
    }

    public void Dispose() => _watch.Dispose();

    private async Task<IReadOnlyList<string>> ReadFreeAsync(string[] names, CancellationToken cancellation)
    {
        var watched = new NpgsqlParameter { Value = names, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
        return await QueryAsync(
            _free,
            [watched],
            static async (reader, giveUp) =>
            {
                var free = new List<string>();
                while (await reader.ReadAsync(giveUp).ConfigureAwait(false))
                {
                    free.Add(reader.GetString(0));
                }

                return free;
            },
            cancellation).ConfigureAwait(false);
    }

    private ValueTask<LeaseAnswer?> SwapAsync(string sql, NpgsqlParameter[] parameters, CancellationToken cancellation) => QueryAsync(
        sql,
        parameters,
        static async (reader, giveUp) => await reader.ReadAsync(giveUp).ConfigureAwait(false)
            ? new LeaseAnswer(
                reader.GetBoolean(0),
                reader.GetInt64(1),
                reader.IsDBNull(2) ? null : reader.GetString(2),
                reader.GetTimeSpan(3),
                reader.IsDBNull(4) ? default : (byte[])reader.GetValue(4))
            : (LeaseAnswer?)null,
        cancellation);

    /// <summary>Completes when the caller or <see cref="PresencePostgresOptions.CommandTimeout"/> gives up, whatever becomes of the query.</summary>
    private async ValueTask<T> QueryAsync<T>(
        string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, CancellationToken, Task<T>> read, CancellationToken cancellation)
    {
        try
        {
            return await Surrender.RunAsync(
                giveUp => Task.Run(() => RunAsync(sql, parameters, read, giveUp), CancellationToken.None),
                _source.Options.CommandTimeout,
                cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw Explained(e);
        }
    }

    private async Task<T> RunAsync<T>(
        string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, CancellationToken, Task<T>> read, CancellationToken giveUp)
    {
        try
        {
            await using var connection = await _source.OpenAsync(giveUp).ConfigureAwait(false);
            if (!_isSchemaThere)
            {
                await PresencePostgresSchema.EnsureAsync(connection, _source.Options, giveUp).ConfigureAwait(false);
                _isSchemaThere = true;
            }

            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = Surrender.NoTimeout };
            command.Parameters.AddRange(parameters);
            await using var reader = await command.ExecuteReaderAsync(giveUp).ConfigureAwait(false);
            var result = await read(reader, giveUp).ConfigureAwait(false);
            // To the end: what goes wrong at commit is told after the rows.
            await reader.CloseAsync().ConfigureAwait(false);
            return result;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            _isSchemaThere &= e is not PostgresException { SqlState: PostgresErrorCodes.UndefinedTable };
            throw Explained(e);
        }
    }

    private PresencePostgresException Explained(Exception e) => new($"The lease store failed: {_source.Explain(e)}", e);

    private static void Check(string name, string holder, TimeSpan duration)
    {
        CheckText(nameof(name), name, MostNameBytes);
        CheckText(nameof(holder), holder, MostHolderBytes);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
    }

    private static void CheckText(string what, string text, int most)
    {
        ArgumentNullException.ThrowIfNull(text, what);
        if (Encoding.UTF8.GetByteCount(text) is var bytes && (bytes == 0 || bytes > most || text.Contains('\0', StringComparison.Ordinal)))
        {
            throw new ArgumentException($"It has {bytes} bytes; it must have 1 to {most} and no zero character.", what);
        }
    }

    private static NpgsqlParameter Text(string value) => new() { Value = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter Number(long value) => new() { Value = value, NpgsqlDbType = NpgsqlDbType.Bigint };

    private static NpgsqlParameter Interval(TimeSpan value) => new() { Value = value, NpgsqlDbType = NpgsqlDbType.Interval };
}
