using System.Text;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;
using Presence.Node;

namespace Presence.Postgres.Leases;

/// <summary>Stores leases in a table; see <see cref="LeaseSql"/> for the guarantees.</summary>
internal sealed class PostgresLeaseStore : ILeaseStore, IDisposable
{
    private const int MaxNameBytes = 255;
    private const int MaxHolderBytes = 512;
    private const int MaxStateBytes = 64 * 1024;

    private readonly PostgresStatements _statements;
    private readonly string _acquire;
    private readonly string _renew;
    private readonly string _release;
    private readonly string _free;
    private readonly LeaseWatch _watch;

    public PostgresLeaseStore(PostgresSource source, ILogger<PostgresLeaseStore> log, TimeProvider? time = null)
    {
        var sql = new LeaseSql(source.Options.Schema);
        _statements = new(source, "lease store");
        (_acquire, _renew, _release, _free) = (sql.Acquire, sql.Renew, sql.Release, sql.Free);
        _watch = new LeaseWatch(ReadFreeAsync, source.Options.PollInterval, log, time ?? TimeProvider.System);
    }

    public string? LastError => _statements.LastError;

    public async ValueTask<LeaseResult> AcquireAsync(
        string name, string holder, TimeSpan duration, CancellationToken cancellation)
    {
        Check(name, holder, duration);
        while (true)
        {
            var swap = SwapAsync(_acquire, [Text(name), Text(holder), Interval(duration)], cancellation);
            if (await swap.ConfigureAwait(false) is { } result)
            {
                return result;
            }

            // Another holder inserted the row while this statement ran, so it neither acquired nor saw it: retry.
        }
    }

    public async ValueTask<LeaseResult> RenewAsync(
        string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation)
    {
        Check(name, holder, duration);
        // A name that was never held has no row.
        return await SwapAsync(_renew, [Text(name), Text(holder), Interval(duration), Number(epoch)], cancellation)
            .ConfigureAwait(false) ?? new LeaseResult(false, 0, null, TimeSpan.Zero);
    }

    public ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation)
    {
        Check(name, holder, TimeSpan.MaxValue);
        if (state.Length > MaxStateBytes)
        {
            throw new ArgumentException($"The state has {state.Length} bytes; at most {MaxStateBytes}.", nameof(state));
        }

        var left = new NpgsqlParameter { Value = state.ToArray(), NpgsqlDbType = NpgsqlDbType.Bytea };
        return _statements.QueryAsync(
            _release,
            [Text(name), Text(holder), Number(epoch), left],
            static (reader, abandon) => reader.ReadAsync(abandon),
            cancellation);
    }

    public IDisposable OnReleased(string name, Action onReleased)
    {
        CheckText(nameof(name), name, MaxNameBytes);
        ArgumentNullException.ThrowIfNull(onReleased);
        return _watch.Add(name, onReleased);
    }

    public void Dispose() => _watch.Dispose();

    private async Task<IReadOnlyList<string>> ReadFreeAsync(string[] names, CancellationToken cancellation)
    {
        var watched = new NpgsqlParameter { Value = names, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
        return await _statements.QueryAsync(
            _free,
            [watched],
            static async (reader, abandon) =>
            {
                var free = new List<string>();
                while (await reader.ReadAsync(abandon).ConfigureAwait(false))
                {
                    free.Add(reader.GetString(0));
                }

                return free;
            },
            cancellation).ConfigureAwait(false);
    }

    private ValueTask<LeaseResult?> SwapAsync(
        string sql, NpgsqlParameter[] parameters, CancellationToken cancellation) => _statements.QueryAsync(
        sql,
        parameters,
        static async (reader, abandon) => await reader.ReadAsync(abandon).ConfigureAwait(false)
            ? new LeaseResult(
                reader.GetBoolean(0),
                reader.GetInt64(1),
                reader.IsDBNull(2) ? null : reader.GetString(2),
                reader.GetTimeSpan(3),
                reader.IsDBNull(4) ? default : (byte[])reader.GetValue(4))
            : (LeaseResult?)null,
        cancellation);

    private static void Check(string name, string holder, TimeSpan duration)
    {
        CheckText(nameof(name), name, MaxNameBytes);
        CheckText(nameof(holder), holder, MaxHolderBytes);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
    }

    private static void CheckText(string parameter, string text, int maxBytes)
    {
        ArgumentNullException.ThrowIfNull(text, parameter);
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes == 0 || bytes > maxBytes || text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"{bytes} bytes; it must have 1 to {maxBytes} and no NUL.", parameter);
        }
    }

    private static NpgsqlParameter Text(string value) => new() { Value = value, NpgsqlDbType = NpgsqlDbType.Text };

    private static NpgsqlParameter Number(long value) => new() { Value = value, NpgsqlDbType = NpgsqlDbType.Bigint };

    private static NpgsqlParameter Interval(TimeSpan value) =>
        new() { Value = value, NpgsqlDbType = NpgsqlDbType.Interval };
}
