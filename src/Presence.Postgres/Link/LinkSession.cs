using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Presence.Postgres;

/// <summary>One life of a member's two connections, one that listens and one that sends: from connect to the first failure.</summary>
internal sealed class LinkSession : IAsyncDisposable
{
    private static readonly TimeSpan SweepDelay = TimeSpan.FromSeconds(35);

    /// <summary>How full the server's queue may be before an operator is told; the server itself begins to warn there.</summary>
    private const double MuchOfQueue = 0.5;

    private readonly PostgresLink _link;
    private readonly NpgsqlConnection _listen;
    private readonly NpgsqlConnection _send;
    private readonly long _session;
    private readonly ulong _mark;
    private readonly NpgsqlCommand _notify;
    private readonly ITimer _upkeepTimer;
    private readonly ITimer _sweepTimer;
    private bool _isHeard;
    private bool _upkeepDue;
    private bool _sweepDue;
    private bool _sweepArmed;
    private Task _givenUp = Task.CompletedTask;

    private LinkSession(PostgresLink link, NpgsqlConnection listen, NpgsqlConnection send)
    {
        _link = link;
        _listen = listen;
        _send = send;
        _session = Random.Shared.NextInt64(1, long.MaxValue);
        _mark = (ulong)Random.Shared.NextInt64();
        _notify = new NpgsqlCommand(LinkSql.Notify, send)
        {
            CommandTimeout = Surrender.NoTimeout,
            Parameters =
            {
                new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
                new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
            },
        };
        // Not all members at the same moment.
        var first = link.Options.UpkeepPeriod * (0.5 + Random.Shared.NextDouble());
        _upkeepTimer = link.Time.CreateTimer(_ => Due(ref _upkeepDue), null, first, link.Options.UpkeepPeriod);
        _sweepTimer = link.Time.CreateTimer(_ => Due(ref _sweepDue), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        listen.Notification += (_, e) => link.Reception.Take(e.Payload);
    }

    /// <summary>Connects, registers, and makes sure that notifications come back; whoever is connected has been reported then.</summary>
    public static async Task<LinkSession> OpenAsync(PostgresLink link, CancellationToken cancellation)
    {
        var listen = await link.Source.OpenHeldAsync(cancellation).ConfigureAwait(false);
        NpgsqlConnection send;
        var givenUp = Task.CompletedTask;
        try
        {
            await Surrender.RunAsync(
                async giveUp =>
                {
                    await PresencePostgresSchema.EnsureAsync(listen, link.Options, giveUp).ConfigureAwait(false);
                    return true;
                },
                link.Options.CommandTimeout,
                task => givenUp = task,
                cancellation).ConfigureAwait(false);
            send = await link.Source.OpenHeldAsync(cancellation).ConfigureAwait(false);
        }
        catch
        {
            await PostgresSource.CloseHeldAsync(listen, after: givenUp).ConfigureAwait(false);
            throw;
        }

        var session = new LinkSession(link, listen, send);
        try
        {
            await session.RegisterAsync(cancellation).ConfigureAwait(false);
            return session;
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Listens and sends until a connection fails, which it throws, or until all is sent after the last word.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var listening = ListenAsync(end.Token);
        var sending = SendAsync(end.Token);
        var first = await Task.WhenAny(listening, sending).ConfigureAwait(false);
        await end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(listening, sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }

    public void Echo(ulong mark) => _isHeard |= mark == _mark;

    public async ValueTask DisposeAsync()
    {
        await _upkeepTimer.DisposeAsync().ConfigureAwait(false);
        await _sweepTimer.DisposeAsync().ConfigureAwait(false);
        // What was given up, on whichever of them it was, ends some seconds later.
        await PostgresSource.CloseHeldAsync(_listen, after: _givenUp).ConfigureAwait(false);
        await PostgresSource.CloseHeldAsync(_send, after: _givenUp).ConfigureAwait(false);
    }

    /// <summary>Every statement of a session goes through here, one at a time.</summary>
    private Task<int> ExecuteAsync(NpgsqlCommand command, CancellationToken cancellation) =>
        StateAsync(giveUp => command.ExecuteNonQueryAsync(giveUp), cancellation);

    private Task<T> StateAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellation) =>
        Surrender.RunAsync(work, _link.Options.CommandTimeout, task => _givenUp = task, cancellation);

    private static NpgsqlCommand Command(string sql, NpgsqlConnection on) => new(sql, on) { CommandTimeout = Surrender.NoTimeout };

    private void Due(ref bool what)
    {
        Volatile.Write(ref what, true);
        _link.Outbox.Wake();
    }

    private async Task RegisterAsync(CancellationToken cancellation)
    {
        await using (var listen = Command(_link.Sql.Listen(_link.NodeName, _session), _listen))
        {
            await ExecuteAsync(listen, cancellation).ConfigureAwait(false);
        }

        await using (var relax = Command("SET synchronous_commit = off", _send))
        {
            // Frames may be lost, so nobody waits for the disk. Leases use other connections.
            await ExecuteAsync(relax, cancellation).ConfigureAwait(false);
        }

        await StateAsync(
            async giveUp =>
            {
                await _notify.PrepareAsync(giveUp).ConfigureAwait(false);
                return true;
            },
            cancellation).ConfigureAwait(false);
        await UpkeepAsync(isNewSession: true, cancellation).ConfigureAwait(false);
        _link.Echoes = this;
        await NotifyAsync([new Parcel(_link.Sql.Everybody, _link.Writer.Hello(_mark))], cancellation).ConfigureAwait(false);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(_link.Options.CommandTimeout);
        try
        {
            while (!_isHeard)
            {
                await _listen.WaitAsync(patience.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new PresencePostgresException(
                "Notifications do not come back from PostgreSQL: ConnectionStrings:Presence seems to lead through a pooler in "
                + "transaction mode, which cannot carry LISTEN. Connect to the server itself, or to a pool in session mode.");
        }
    }

    private async Task ListenAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _listen.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task SendAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await _link.Outbox.WaitAsync(cancellation).ConfigureAwait(false);
            var taken = _link.Outbox.Take();
            if (taken.Count > 0)
            {
                await SendAsync(taken, cancellation).ConfigureAwait(false);
            }
            else if (_link.Outbox.IsClosed)
            {
                await SayByeAsync(cancellation).ConfigureAwait(false);
                return;
            }

            if (Interlocked.Exchange(ref _upkeepDue, false))
            {
                await UpkeepAsync(isNewSession: false, cancellation).ConfigureAwait(false);
                await SweepAsync(cancellation).ConfigureAwait(false);
            }
            else if (Interlocked.Exchange(ref _sweepDue, false))
            {
                _sweepArmed = false;
                await SweepAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task SendAsync(List<Outgoing> taken, CancellationToken cancellation)
    {
        var parcels = _link.Parcels.Make(taken);
        try
        {
            await StoreAsync(parcels, cancellation).ConfigureAwait(false);
            await NotifyAsync(parcels, cancellation).ConfigureAwait(false);
        }
        catch (PostgresException e) when (IsOfTheseAlone(e.SqlState) && _send.State == System.Data.ConnectionState.Open)
        {
            // Such as a full queue of notifications, because some other session of the server stopped reading its own.
            _link.Instruments.Dropped("refused", taken.Count);
            _link.Log.Refused(parcels.Count, _link.Source.Explain(e).Problem);
        }
        catch
        {
            // Whether it arrived is not known; to send it again is allowed, and what is too old then will be dropped.
            _link.Outbox.PutBack(taken);
            throw;
        }
    }

    private static bool IsOfTheseAlone(string state) =>
        state.StartsWith("22", StringComparison.Ordinal)
        || state.StartsWith("53", StringComparison.Ordinal)
        || state.StartsWith("54", StringComparison.Ordinal);

    private async Task NotifyAsync(List<Parcel> parcels, CancellationToken cancellation)
    {
        _notify.Parameters[0].Value = parcels.ConvertAll(p => p.Channel).ToArray();
        _notify.Parameters[1].Value = parcels.ConvertAll(p => Convert.ToBase64String(p.Packet)).ToArray();
        _link.Instruments.Executed();
        await ExecuteAsync(_notify, cancellation).ConfigureAwait(false);
        _link.Carried();
        _link.Instruments.Sent(parcels.Count);
    }

    private async Task StoreAsync(List<Parcel> parcels, CancellationToken cancellation)
    {
        var rows = parcels.FindAll(p => p.Id is not null);
        if (rows.Count == 0)
        {
            return;
        }

        await using var store = new NpgsqlCommand(_link.Sql.Store, _send)
        {
            CommandTimeout = Surrender.NoTimeout,
            Parameters =
            {
                new() { Value = rows.ConvertAll(r => r.Id!.Value).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
                new() { Value = rows.ConvertAll(r => r.Body!).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
            },
        };
        _link.Instruments.Executed();
        await ExecuteAsync(store, cancellation).ConfigureAwait(false);
        _link.Instruments.Stored(rows.Sum(r => (long)r.Body!.Length));
        ArmSweep();
    }

    private void ArmSweep()
    {
        if (!_sweepArmed)
        {
            _sweepArmed = true;
            _sweepTimer.Change(SweepDelay, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        await using var sweep = Command(_link.Sql.Sweep, _send);
        _link.Instruments.Executed();
        if (await ExecuteAsync(sweep, cancellation).ConfigureAwait(false) == LinkSql.MostSwept)
        {
            Due(ref _sweepDue);
        }
    }

    private async Task UpkeepAsync(bool isNewSession, CancellationToken cancellation)
    {
        var knownBefore = _link.Reception.Members;
        _link.Instruments.Executed();
        var members = await StateAsync(ReadMembersAsync, cancellation).ConfigureAwait(false);
        Others = members.Count;
        _link.Reception.Connected(knownBefore, members, isNewSession);
    }

    private async Task<List<(string Name, ulong Incarnation)>> ReadMembersAsync(CancellationToken giveUp)
    {
        await using var upkeep = new NpgsqlCommand(_link.Sql.Upkeep, _send)
        {
            CommandTimeout = Surrender.NoTimeout,
            Parameters =
            {
                new() { Value = _link.NodeName },
                new() { Value = checked((long)_link.Incarnation) },
                new() { Value = _session },
            },
        };
        var members = new List<(string, ulong)>();
        await using var reader = await upkeep.ExecuteReaderAsync(giveUp).ConfigureAwait(false);
        while (await reader.ReadAsync(giveUp).ConfigureAwait(false))
        {
            if (reader.IsDBNull(0))
            {
                NoteQueue((double)reader.GetInt64(1) / LinkSql.QueueParts);
            }
            else
            {
                members.Add((reader.GetString(0), (ulong)reader.GetInt64(1)));
            }
        }

        return members;
    }

    private void NoteQueue(double usage)
    {
        _link.Instruments.QueueUsage = usage;
        if (usage >= MuchOfQueue)
        {
            _link.Log.QueueFills(usage * 100);
        }
    }

    /// <summary>Other members that were connected at the last look.</summary>
    public int Others { get; private set; }

    private async Task SayByeAsync(CancellationToken cancellation)
    {
        await using var leave = new NpgsqlCommand(_link.Sql.Leave, _send)
        {
            CommandTimeout = Surrender.NoTimeout,
            Parameters =
            {
                new() { Value = _link.NodeName },
                new() { Value = checked((long)_link.Incarnation) },
                new() { Value = _link.Sql.Everybody },
                new() { Value = Convert.ToBase64String(_link.Writer.Bye()) },
            },
        };
        _link.Instruments.Executed();
        await ExecuteAsync(leave, cancellation).ConfigureAwait(false);
    }
}
