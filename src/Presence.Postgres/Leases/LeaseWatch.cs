using Microsoft.Extensions.Logging;
using Npgsql;

namespace Presence.Postgres;

/// <summary>Calls back when a lease was released: one listening connection for all of them, opened with the first.</summary>
internal sealed partial class LeaseWatch(PostgresSource source, LeaseSql sql, ILogger log, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Watcher> _watchers = [];
    private readonly CancellationTokenSource _stop = new();
    private Task? _running;

    public IDisposable Add(string name, Action onReleased)
    {
        var watcher = new Watcher(this, name, onReleased);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            _watchers.Add(watcher);
            _running ??= Task.Run(ListenAsync);
        }

        return watcher;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            // Not disposed: the loop still reads its token.
            _stop.Cancel();
            _watchers.Clear();
        }
    }

    private async Task ListenAsync()
    {
        var backoff = new Backoff(source.Options.MaxReconnectDelay, Random.Shared);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await ListenOnceAsync(backoff).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException && !_stop.IsCancellationRequested)
            {
                var (problem, _) = source.Explain(e);
                LogLost(log, problem);
            }

            await Task.Delay(backoff.Next(), time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListenOnceAsync(Backoff backoff)
    {
        var connection = await source.OpenHeldAsync(_stop.Token).ConfigureAwait(false);
        var givenUp = Task.CompletedTask;
        try
        {
            connection.Notification += (_, e) => Tell(e.Payload);
            await Surrender.RunAsync(
                giveUp => ListenAsync(connection, giveUp), source.Options.CommandTimeout, task => givenUp = task, _stop.Token).ConfigureAwait(false);

            backoff.Reset();
            // What was released before this moment was not heard.
            Tell(null);
            while (true)
            {
                await connection.WaitAsync(_stop.Token).ConfigureAwait(false);
            }
        }
        finally
        {
            await PostgresSource.CloseHeldAsync(connection, after: givenUp).ConfigureAwait(false);
        }
    }

    private async Task<int> ListenAsync(NpgsqlConnection connection, CancellationToken giveUp)
    {
        await using var listen = new NpgsqlCommand(sql.Listen, connection) { CommandTimeout = Surrender.NoTimeout };
        return await listen.ExecuteNonQueryAsync(giveUp).ConfigureAwait(false);
    }

    /// <summary>Tells those who watch a name, or all.</summary>
    private void Tell(string? name)
    {
        List<Watcher> concerned;
        lock (_gate)
        {
            concerned = _watchers.FindAll(w => name is null || w.Name == name);
        }

        foreach (var watcher in concerned)
        {
            // Not on the thread that listens: others want to hear theirs.
            ThreadPool.UnsafeQueueUserWorkItem(
                static state =>
                {
                    try
                    {
                        state.watcher.OnReleased();
                    }
                    catch (Exception e) when (e is not OutOfMemoryException)
                    {
                        LogWatcherFailed(state.log, e);
                    }
                },
                (watcher, log),
                preferLocal: false);
        }
    }

    private void Remove(Watcher watcher)
    {
        lock (_gate)
        {
            _watchers.Remove(watcher);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Releases of leases are not heard for the moment: {Problem}")]
    private static partial void LogLost(ILogger log, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "What watches a lease failed")]
    private static partial void LogWatcherFailed(ILogger log, Exception exception);

    private sealed class Watcher(LeaseWatch owner, string name, Action onReleased) : IDisposable
    {
        public string Name => name;

        public Action OnReleased => onReleased;

        public void Dispose() => owner.Remove(this);
    }
}
