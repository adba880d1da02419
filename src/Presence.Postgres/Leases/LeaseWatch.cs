using Microsoft.Extensions.Logging;

namespace Presence.Postgres.Leases;

/// <summary>Calls back when a lease is free. Polls with one query for all watched names, and not without any.</summary>
internal sealed partial class LeaseWatch(
    Func<string[], CancellationToken, Task<IReadOnlyList<string>>> readFree,
    TimeSpan interval,
    ILogger log,
    TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Watcher> _watchers = [];
    private readonly CancellationTokenSource _stop = new();
    private bool _isPolling;

    public IDisposable Add(string name, Action onReleased)
    {
        var watcher = new Watcher(this, name, onReleased);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            _watchers.Add(watcher);
            if (!_isPolling)
            {
                _isPolling = true;
                _ = Task.Run(PollAsync);
            }
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

    private async Task PollAsync()
    {
        using var timer = new PeriodicTimer(interval, time);
        while (WatchedNames() is { Length: > 0 } names)
        {
            try
            {
                await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false);
                CallBack(await readFree(names, _stop.Token).ConfigureAwait(false));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                if (!_stop.IsCancellationRequested)
                {
                    LogPollFailed(log, e);
                }
            }
        }
    }

    private string[] WatchedNames()
    {
        lock (_gate)
        {
            string[] names = [.. _watchers.Select(watcher => watcher.Name).Distinct(StringComparer.Ordinal)];
            _isPolling = names.Length > 0;
            return names;
        }
    }

    private void CallBack(IReadOnlyList<string> free)
    {
        List<Watcher> concerned;
        lock (_gate)
        {
            concerned = _watchers.FindAll(watcher => free.Contains(watcher.Name));
        }

        foreach (var watcher in concerned)
        {
            try
            {
                watcher.OnReleased();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                LogWatcherFailed(log, e);
            }
        }
    }

    private void Remove(Watcher watcher)
    {
        lock (_gate)
        {
            _watchers.Remove(watcher);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Polling for released leases failed; retrying")]
    private static partial void LogPollFailed(ILogger log, Exception exception);

    [LoggerMessage(LogLevel.Error, "Callback for a released lease threw")]
    private static partial void LogWatcherFailed(ILogger log, Exception exception);

    private sealed class Watcher(LeaseWatch owner, string name, Action onReleased) : IDisposable
    {
        public string Name => name;

        public Action OnReleased => onReleased;

        public void Dispose() => owner.Remove(this);
    }
}
