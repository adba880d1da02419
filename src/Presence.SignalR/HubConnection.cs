using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Logging;
using Presence.Node;
using Presence.Node.Feeds;
using Presence.Tracker;

namespace Presence.SignalR;

/// <summary>The session and the pushed topics of one connection. Calls of its hub run one after another here.</summary>
internal sealed partial class HubConnection
{
    /// <summary>Maximum number of messages of <c>SendToKeyAsync</c> that wait for the client to read.</summary>
    private const int MaxMessages = 100;

    /// <summary>For all connections, as the thread pool is.</summary>
    private static readonly WriteTurns Turns = new(2 * Environment.ProcessorCount);

    private readonly Lock _trackedGate = new();
    private OneOrMany<(string Topic, string Key), PresenceMeta> _tracked;
    private OneOrMany<string, FeedReader> _pushes;
    private readonly HubPresenceOptions _options;
    private readonly ILogger _log;
    private readonly CancellationToken _aborted;
    private HubConnectionContext? _connection;
    private ISingleClientProxy? _client;
    private ISourceSession? _session;
    private int _messages;
    private int _keyWatches;
    private bool _isConfirming;
    private bool _takesTurns;

    private HubConnection(Hub hub, HubPresenceOptions options, ILogger log)
    {
        (_options, _log, _aborted) = (options, log, hub.Context.ConnectionAborted);
        _connection = HubConnections.Of(hub.Context);
        _client = _connection is null ? hub.Clients.Caller : null;
    }

    private SemaphoreSlim Gate { get; } = new(1);

    /// <summary>Returns the state of a hub's connection, which ends with it.</summary>
    public static HubConnection Of(Hub hub, HubPresenceOptions options, ILogger log)
    {
        // A feature of the connection, because its items would be a dictionary of their own.
        var features = hub.Context.Features;
        lock (features)
        {
            if (features.Get<HubConnection>() is { } found)
            {
                return found;
            }

            var connection = new HubConnection(hub, options, log);
            features.Set(connection);
            hub.Context.ConnectionAborted.UnsafeRegister(
                static c => ThreadPool.UnsafeQueueUserWorkItem(static c => _ = c.EndAsync(), (HubConnection)c!, false),
                connection);
            return connection;
        }
    }

    /// <summary>Begins to call the client's method of the message's name; false if too many wait.</summary>
    public bool Receive(SessionMessage message)
    {
        if (_aborted.IsCancellationRequested)
        {
            return false;
        }

        if (Interlocked.Increment(ref _messages) > MaxMessages)
        {
            Interlocked.Decrement(ref _messages);
            return false;
        }

        _ = WriteAsync(message.Name, HubMessages.Convert(message.Json));
        return true;
    }

    private async Task WriteAsync(string method, object? argument)
    {
        try
        {
            await (_connection is { } connection
                ? connection.WriteAsync(new InvocationMessage(method, [argument]), _aborted).AsTask()
                : _client?.SendCoreAsync(method, [argument], _aborted) ?? Task.CompletedTask);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The connection has ended.
        }
        finally
        {
            Interlocked.Decrement(ref _messages);
        }
    }

    public Task TrackAsync(Func<ISourceSession> open, string topic, string key, PresenceMeta meta) =>
        RunAsync(async () =>
        {
            if (_tracked.Count >= _options.MaxPresences)
            {
                throw new HubException($"A connection has at most {_options.MaxPresences} presences.");
            }

            await (_session ??= open()).TrackAsync(topic, key, meta, _aborted);
            Remember(topic, key, meta);
            return true;
        });

    public Task UpdateAsync(string topic, string key, Func<PresenceMeta, PresenceMeta> update) => RunAsync(async () =>
    {
        if (_session is null || !_tracked.TryGet((topic, key), out var current))
        {
            throw new NotTrackedException(topic, key);
        }

        var meta = update(current);
        await _session.UpdateAsync(topic, key, meta, _aborted);
        Remember(topic, key, meta);
        return true;
    });

    public Task<bool> UntrackAsync(string topic, string key) => RunAsync(async () =>
    {
        if (_session is null || !await _session.UntrackAsync(topic, key, _aborted))
        {
            return false;
        }

        lock (_trackedGate)
        {
            _tracked.Remove((topic, key), out _);
        }

        return true;
    });

    public Task LeaveAsync() => RunAsync(async () =>
    {
        lock (_trackedGate)
        {
            _tracked.Clear();
        }

        if (_session is { } session)
        {
            _session = null;
            await session.DisposeAsync();
        }

        return true;
    });

    /// <summary>Uses the session that the call returns from now on.</summary>
    public Task<ISourceSession> BeginAsync(Func<CancellationToken, Task<ISourceSession>> resume) => RunAsync(async () =>
        _session is null
            ? _session = await resume(_aborted)
            : throw new HubException("Resume before the connection tracks anything."));

    /// <summary>Takes later calls as signs that the client has received the resume token.</summary>
    public void ConfirmLater() => _isConfirming = true;

    /// <summary>Pushes the messages of a reader, instead of an earlier push of the topic.</summary>
    public Task PushAsync(string topic, Func<CancellationToken, Task<FeedReader>> open) => RunAsync(async () =>
    {
        if (_pushes.Count >= _options.MaxTopics && !_pushes.TryGet(topic, out _))
        {
            throw new HubException($"A connection has at most {_options.MaxTopics} pushed topics.");
        }

        var reader = await open(_aborted);
        Stop(topic);
        _pushes.Set(topic, reader);
        if (_connection is { } connection)
        {
            _takesTurns = LargeSegmentTransport.Use(connection);
        }

        ThreadPool.UnsafeQueueUserWorkItem(
            static push => _ = push.Connection.PushUntilEndAsync(push.Reader),
            (Connection: this, Reader: reader),
            preferLocal: false);
        return true;
    });

    private void Remember(string topic, string key, PresenceMeta meta)
    {
        lock (_trackedGate)
        {
            _tracked.Set((topic, key), meta);
        }

        if (_pushes.TryGet(topic, out var reader))
        {
            lock (reader)
            {
                reader.RequestSample();
            }
        }
    }

    /// <summary>Counts one more watch of keys until <see cref="EndKeyWatch"/>.</summary>
    public void BeginKeyWatch()
    {
        if (Interlocked.Increment(ref _keyWatches) > _options.MaxKeyWatches)
        {
            EndKeyWatch();
            throw new HubException($"A connection has at most {_options.MaxKeyWatches} watches of keys.");
        }
    }

    public void EndKeyWatch() => Interlocked.Decrement(ref _keyWatches);

    public Task<bool> StopPushAsync(string topic) => RunAsync(() => Task.FromResult(Stop(topic)));

    private async Task<T> RunAsync<T>(Func<Task<T>> action)
    {
        await Gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_aborted.IsCancellationRequested)
            {
                throw new HubException("The connection is closed.");
            }

            if (_isConfirming)
            {
                _session?.Confirm();
            }

            return await action();
        }
        finally
        {
            Gate.Release();
        }
    }

    private bool Stop(string topic)
    {
        if (!_pushes.Remove(topic, out var reader))
        {
            return false;
        }

        lock (reader)
        {
            reader.Dispose();
        }

        return true;
    }

    /// <summary>
    /// Sends what a reader receives until it is disposed. One asynchronous method without a token of its own, because
    /// there are as many as connections: a push that was stopped ends with the next pulse of its feed.
    /// </summary>
    private async Task PushUntilEndAsync(FeedReader reader)
    {
        try
        {
            while (!reader.IsOver)
            {
                await PushNextAsync(reader).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The connection has ended.
        }
        catch (Exception e)
        {
            LogPushFailed(_log, e);
        }
        finally
        {
            reader.Dispose();
        }
    }

    /// <summary>
    /// Sends one message, or waits for the next. The write waits while the client does not read; meanwhile the reader
    /// may fall behind, and then receives the state.
    /// </summary>
    private ValueTask PushNextAsync(FeedReader reader)
    {
        // Stop waits for the lock, so that nothing of this push follows the state of a later one of the topic.
        lock (reader)
        {
            return reader.IsOver ? default
                : !reader.TryRead(out var message, out var next) ? new(next)
                : IsLong(message!) ? new(WriteInTurnAsync(reader, message!))
                : WriteAsync(reader, message!);
        }
    }

    /// <summary>
    /// Whether the message, which is encoded once for all connections, takes more than a small segment. A connection
    /// with stateful reconnects waits for its client by itself.
    /// </summary>
    private bool IsLong(FeedMessage message) => _takesTurns && message is not FeedCounts
        && _connection is { } connection
        && HubMessages.Call(message).GetSerializedMessage(connection.Protocol).Length
            > LargeSegmentTransport.SmallSegment;

    private async Task WriteInTurnAsync(FeedReader reader, FeedMessage message)
    {
        await Turns.WaitAsync().ConfigureAwait(false);
        ValueTask writing;
        try
        {
            lock (reader)
            {
                writing = reader.IsOver ? default : WriteAsync(reader, message);
            }
        }
        finally
        {
            Turns.End();
        }

        await writing.ConfigureAwait(false);
    }

    private ValueTask WriteAsync(FeedReader reader, FeedMessage message)
    {
        var own = message is FeedCounts counts && (counts.HasSample || reader.NeedsSample)
            ? WithSample(reader, counts)
            : null;
        return _connection is { } connection
            ? connection.WriteAsync(
                own is null
                    ? HubMessages.Call(message)
                    : new(new InvocationMessage(HubMessages.MethodOf(message), [own])),
                _aborted)
            : _client is { } client
                ? new(client.SendCoreAsync(
                    HubMessages.MethodOf(message), [own ?? HubMessages.ArgumentOf(message)], _aborted))
                : default;
    }

    /// <summary>Returns the counts with a sample that this connection's own presences are in.</summary>
    private HubPresenceCounts WithSample(FeedReader reader, FeedCounts counts)
    {
        string[] keys;
        lock (_trackedGate)
        {
            keys = [.. _tracked.Keys.Where(one => one.Topic == counts.Topic).Select(one => one.Key)];
        }

        PresenceEntry[] own =
            [.. keys.SelectMany(counts.Presences.GetByKey).Where(entry => _session?.Owns(entry) is true)];

        // Fewer if it was counted before the connection tracked them.
        reader.OnSampleSent(isComplete: own.Length >= keys.Length);
        return HubMessages.WithSample(counts, own);
    }

    /// <summary>Ends what belongs to the connection; a session with a grace waits for the next one.</summary>
    private async Task EndAsync()
    {
        await Gate.WaitAsync();
        try
        {
            // A detached session refers to this object for as long as its grace.
            (_connection, _client) = (null, null);
            foreach (var topic in _pushes.Keys)
            {
                Stop(topic);
            }

            if (_session is { } session)
            {
                await session.DetachAsync();
            }
        }
        catch (Exception e)
        {
            LogEndFailed(_log, e);
        }
        finally
        {
            Gate.Release();
        }
    }

    [LoggerMessage(LogLevel.Error, "Pushing presence to a connection failed; it receives no further changes.")]
    private static partial void LogPushFailed(ILogger logger, Exception error);

    [LoggerMessage(LogLevel.Error, "The session of a connection could not be ended.")]
    private static partial void LogEndFailed(ILogger logger, Exception error);
}
