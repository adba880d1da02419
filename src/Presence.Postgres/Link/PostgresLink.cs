using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Npgsql;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Members of one schema of a database, joined by LISTEN and NOTIFY.</summary>
/// <remarks>
/// The link outlives its connections: <see cref="LinkSession"/> is one life of them, and this class opens the next one when
/// it fails. What waits in <see cref="Outbox"/> and in <see cref="Reception"/> survives the change.
/// </remarks>
internal sealed class PostgresLink : IClusterLink, IDisposable
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(1);
    private static long s_lastIncarnation;

    private readonly Asks _asks;
    private readonly Backoff _backoff;
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private Task _pumping = Task.CompletedTask;
    private volatile LinkStatus _status = new(false, null, "not started");
    private long _carried;

    public PostgresLink(string nodeName, PostgresSource source, ILogger<PostgresLink> log, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(nodeName);
        if (nodeName.Contains('\0', StringComparison.Ordinal))
        {
            throw new PresencePostgresException("Presence:NodeName holds a zero character, which PostgreSQL cannot keep.");
        }

        NodeName = nodeName;
        Source = source;
        Options = source.Options;
        Log = log;
        Time = time ?? TimeProvider.System;
        Incarnation = NextIncarnation(Time);
        Sql = new LinkSql(Options.Schema);
        Writer = new PacketWriter(nodeName, Incarnation);
        Parcels = new Parcels(Writer, Sql.ChannelOf, Guid.CreateVersion7);
        Instruments = new LinkInstruments(() => _status.IsConnected, () => Outbox?.Count ?? 0);
        Outbox = new Outbox(Options, Time, Instruments);
        _asks = new Asks(Writer, Outbox, Instruments, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)));
        _backoff = new Backoff(Options.MaxReconnectDelay, Random.Shared);
        Reception = new Reception(nodeName, Incarnation, Options.InboxCapacity, Instruments, log)
        {
            OnAnswer = _asks.Answered,
            OnEcho = mark => Echoes?.Echo(mark),
            Answer = (member, number, yes) => Outbox.PutUrgent(member, Writer.Answer(number, yes)),
            Fetch = FetchAsync,
        };
    }

    public string NodeName { get; }

    public ulong Incarnation { get; }

    public string Engine => "postgres";

    public LinkStatus Status => _status with { Carried = Interlocked.Read(ref _carried) };

    internal PostgresSource Source { get; }

    internal PresencePostgresOptions Options { get; }

    internal ILogger Log { get; }

    internal TimeProvider Time { get; }

    internal LinkSql Sql { get; }

    internal PacketWriter Writer { get; }

    internal Parcels Parcels { get; }

    internal LinkInstruments Instruments { get; }

    internal Outbox Outbox { get; }

    internal Reception Reception { get; }

    /// <summary>The session that waits to hear its own greeting.</summary>
    internal LinkSession? Echoes { get; set; }

    public async Task StartAsync(IClusterReceiver receiver, CancellationToken cancellation)
    {
        Reception.Receiver = receiver;
        var begun = Time.GetTimestamp();
        while (true)
        {
            try
            {
                var session = await LinkSession.OpenAsync(this, cancellation).ConfigureAwait(false);
                OnConnected(session);
                _pumping = Task.Run(() => Reception.PumpAsync(_stop.Token), CancellationToken.None);
                _running = Task.Run(() => StayConnectedAsync(session), CancellationToken.None);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                var (problem, isLasting) = Source.Explain(e);
                if (isLasting || Time.GetElapsedTime(begun) >= Options.StartTimeout)
                {
                    throw new PresencePostgresException($"The engine postgres cannot start: {problem}", e);
                }

                Log.StillLost(NodeName, problem);
                await Task.Delay(_backoff.Next(), Time, cancellation).ConfigureAwait(false);
            }
        }
    }

    public void Send(string member, LinkFrame frame)
    {
        // To its own name it speaks to whoever bears that too, of whom it need not have heard.
        if (member == NodeName || Reception.Knows(member))
        {
            Outbox.Put(member, frame);
        }
        else
        {
            Instruments.Dropped("unknown_member");
        }
    }

    public void Broadcast(LinkFrame frame) => Outbox.Put(null, frame);

    public ValueTask<bool> AskAsync(string member, LinkFrame frame, CancellationToken cancellation) =>
        _status.IsConnected && Reception.Knows(member) ? _asks.AskAsync(member, frame, Time, cancellation) : new(false);

    /// <summary>The server has taken notifications.</summary>
    internal void Carried() => Interlocked.Increment(ref _carried);

    public async Task StopAsync(CancellationToken cancellation)
    {
        Outbox.Close();
        if (_status.IsConnected)
        {
            await _running.WaitAsync(StopPatience, Time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await EndAsync().ConfigureAwait(false);
    }

    /// <summary>Ends as a crash does: the connections close and nobody is told.</summary>
    internal Task AbortAsync() => EndAsync();

    public void Dispose()
    {
        _stop.Dispose();
        Instruments.Dispose();
    }

    private async Task EndAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running, _pumping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _asks.End();
        _status = new LinkStatus(false, Time.GetUtcNow(), "stopped");
    }

    private async Task StayConnectedAsync(LinkSession? session)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (session is null)
                {
                    session = await LinkSession.OpenAsync(this, _stop.Token).ConfigureAwait(false);
                    OnConnected(session);
                }

                await using (session.ConfigureAwait(false))
                {
                    await session.RunAsync(_stop.Token).ConfigureAwait(false);
                }

                // It said bye.
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException && !_stop.IsCancellationRequested)
            {
                session = null;
                OnLost(Source.Explain(e).Problem);
            }

            if (Outbox.IsClosed)
            {
                return;
            }

            await Task.Delay(_backoff.Next(), Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (session is not null)
        {
            await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    private long _droppedBefore;

    private void OnConnected(LinkSession session)
    {
        _backoff.Reset();
        if (_status.Since is { } lost)
        {
            var dropped = Instruments.DroppedInAll - _droppedBefore;
            var away = (Time.GetUtcNow() - lost).TotalSeconds;
            Log.Returned(NodeName, away, dropped);
        }

        _status = new LinkStatus(true, Time.GetUtcNow());
        Log.Connected(NodeName, Options.Schema, session.Others);
    }

    private void OnLost(string problem)
    {
        if (!_status.IsConnected)
        {
            _status = _status with { Problem = problem };
            Log.StillLost(NodeName, problem);
            return;
        }

        _droppedBefore = Instruments.DroppedInAll;
        _status = new LinkStatus(false, Time.GetUtcNow(), problem);
        Instruments.Lost();
        Log.Lost(NodeName, problem);
    }

    private Task<byte[]?> FetchAsync(Guid id, CancellationToken cancellation) =>
        Surrender.RunAsync(giveUp => ReadFrameAsync(id, giveUp), Options.CommandTimeout, onGivenUp: null, cancellation);

    private async Task<byte[]?> ReadFrameAsync(Guid id, CancellationToken giveUp)
    {
        await using var connection = await Source.OpenAsync(giveUp).ConfigureAwait(false);
        await using var fetch = new NpgsqlCommand(Sql.Fetch, connection)
        {
            Parameters = { new() { Value = id } },
            CommandTimeout = Surrender.NoTimeout,
        };
        Instruments.Executed();
        return await fetch.ExecuteScalarAsync(giveUp).ConfigureAwait(false) as byte[];
    }

    private static ulong NextIncarnation(TimeProvider time)
    {
        var now = time.GetUtcNow().UtcTicks / TimeSpan.TicksPerMicrosecond;
        long last, next;
        do
        {
            last = Interlocked.Read(ref s_lastIncarnation);
            next = Math.Max(now, last + 1);
        }
        while (Interlocked.CompareExchange(ref s_lastIncarnation, next, last) != last);
        return (ulong)next;
    }
}
