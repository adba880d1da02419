using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;
using Presence.Tracker;
using Presence.Tracker.Entries;

namespace Presence.Node.LastSeenTimes;

/// <summary>Stores when the last presence of a key leaves, and answers with it.</summary>
internal sealed class LastSeenRecorder(
    IPresenceNode node, ILastSeenStore store, TimeProvider time, ILogger<LastSeenRecorder> log,
    IMeterFactory? meters = null)
    : IPresenceLastSeen, IPresenceHandler, IHostedLifecycleService, IDisposable
{
    /// <summary>Maximum number of keys of one write, and of the keys that wait while the store fails.</summary>
    public const int MaxBatch = 1000, MaxPending = 10_000;

    /// <summary>Time after which times are stored again that the store did not take.</summary>
    public static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    private static readonly object Retry = new();

    private readonly Dictionary<string, DateTimeOffset> _pending = new(StringComparer.Ordinal);
    private readonly LastSeenInstruments _instruments = new(meters);
    private readonly RateLimitedLogger _rate = new(time);
    private ITimer? _retry;
    private IAsyncDisposable? _handler;

    public async ValueTask<IReadOnlyDictionary<string, LastSeen>> LastSeenAsync(
        IReadOnlyCollection<string> keys, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (keys.Count > IPresenceLastSeen.MaxKeys)
        {
            throw new ArgumentException(
                $"{keys.Count} keys were requested; at most {IPresenceLastSeen.MaxKeys} are answered.", nameof(keys));
        }

        var distinct = keys.Distinct(StringComparer.Ordinal).ToArray();
        var online = distinct.Where(node.Tracker.IsOnline).ToHashSet(StringComparer.Ordinal);
        var offline = distinct.Where(key => !online.Contains(key)).ToArray();
        var stored = offline.Length == 0
            ? new Dictionary<string, DateTimeOffset>()
            : await store.ReadAsync(offline, cancellation).ConfigureAwait(false);
        var result = new Dictionary<string, LastSeen>(StringComparer.Ordinal);
        foreach (var key in distinct)
        {
            var known = stored.TryGetValue(key, out var at);
            result[key] = new(online.Contains(key), known ? at : null);
        }

        return result;
    }

    public ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _retry = time.CreateTimer(
                static send => ((Func<object, bool>)send!)(Retry), context.Send, RetryInterval, RetryInterval);
        }

        return default;
    }

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var up = new Lazy<string[]>(() => [.. node.Nodes().Where(n => n.Self || n.Status == "up").Select(n => n.Name)]);
        foreach (var change in diff.Topics.SelectMany(topic => topic.Changes))
        {
            var entry = change.Entry;
            if (change.Kind == PresenceChangeKind.Left && IsStoredHere(change, up) && !node.Tracker.IsOnline(entry.Key))
            {
                _pending[entry.Key] = now;
            }
        }

        return StoreAsync(cancellation);
    }

    public ValueTask HandleInfoAsync(object message, CancellationToken cancellation) => StoreAsync(cancellation);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StartedAsync(CancellationToken cancellationToken) =>
        _handler = await node.Tracker.AddHandlerAsync(this, cancellationToken).ConfigureAwait(false);

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        _retry?.Dispose();
        if (_handler is { } handler)
        {
            await handler.DisposeAsync().ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _retry?.Dispose();
        _instruments.Dispose();
    }

    /// <summary>Returns whether this node stores the time. Two nodes may disagree for a moment: both then do.</summary>
    private bool IsStoredHere(PresenceChange change, Lazy<string[]> up) =>
        !store.IsShared
        || change.Entry.Owner.Node == node.Name
        || (change.Reason is LeaveReason.NodeDown or LeaveReason.NodeStopped
            && up.Value.MaxBy(name => StableHash.Of($"{name}\n{change.Entry.Key}")) == node.Name);

    /// <summary>Stores the latest times first. Of those that the store does not take the oldest are dropped.</summary>
    private async ValueTask StoreAsync(CancellationToken cancellation)
    {
        var times = _pending.OrderByDescending(pair => pair.Value).ToArray();
        var stored = 0;
        try
        {
            foreach (var batch in times.Chunk(MaxBatch))
            {
                await store.WriteAsync(batch, cancellation).ConfigureAwait(false);
                Forget(batch);
                stored += batch.Length;
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException && !cancellation.IsCancellationRequested)
        {
            _instruments.Failed();
            var dropped = times.AsSpan(Math.Min(stored + MaxPending, times.Length));
            Forget(dropped);
            _instruments.Dropped(dropped.Length);
            if (_rate.IsDue("store", out var count))
            {
                log.LastSeenNotStored(_pending.Count, count, LogText.Escape(e));
            }
        }
    }

    private void Forget(ReadOnlySpan<KeyValuePair<string, DateTimeOffset>> times)
    {
        foreach (var (key, _) in times)
        {
            _pending.Remove(key);
        }
    }
}
