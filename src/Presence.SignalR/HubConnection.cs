using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Logging;
using Presence.Node;
using Presence.Tracker;

namespace Presence.SignalR;

/// <summary>The session and the pushed topics of one connection. Calls of its hub run one after another here.</summary>
internal sealed partial class HubConnection
{
    /// <summary>Maximum number of messages of <c>SendToKeyAsync</c> that wait for the client to read.</summary>
    private const int MaxMessages = 100;

    private static readonly object Key = new();

    private readonly Dictionary<(string Topic, string Key), PresenceMeta> _tracked = [];
    private readonly Dictionary<string, CancellationTokenSource> _pushes = new(StringComparer.Ordinal);
    private readonly HubPresenceOptions _options;
    private readonly ILogger _log;
    private readonly CancellationToken _aborted;
    private HubConnectionContext? _connection;
    private ISingleClientProxy? _client;
    private ISourceSession? _session;
    private int _messages;
    private int _keyWatches;
    private bool _isConfirming;

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
        var caller = hub.Context;
        lock (caller.Items)
        {
            if (caller.Items.TryGetValue(Key, out var found))
            {
                return (HubConnection)found!;
            }

            var connection = new HubConnection(hub, options, log);
            caller.Items[Key] = connection;
            caller.ConnectionAborted.UnsafeRegister(
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
            _tracked[(topic, key)] = meta;
            return true;
        });

    public Task UpdateAsync(string topic, string key, Func<PresenceMeta, PresenceMeta> update) => RunAsync(async () =>
    {
        if (_session is null || !_tracked.TryGetValue((topic, key), out var current))
        {
            throw new NotTrackedException(topic, key);
        }

        var meta = update(current);
        await _session.UpdateAsync(topic, key, meta, _aborted);
        _tracked[(topic, key)] = meta;
        return true;
    });

    public Task<bool> UntrackAsync(string topic, string key) => RunAsync(async () =>
        _session is not null
            && await _session.UntrackAsync(topic, key, _aborted)
            && (_tracked.Remove((topic, key)) || true));

    public Task LeaveAsync() => RunAsync(async () =>
    {
        _tracked.Clear();
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

    /// <summary>Pushes a topic with a function, instead of an earlier push of the topic.</summary>
    public Task PushAsync(string topic, Func<CancellationToken, Task<Func<Task>>> begin) => RunAsync(async () =>
    {
        if (_pushes.Count >= _options.MaxTopics && !_pushes.ContainsKey(topic))
        {
            throw new HubException($"A connection has at most {_options.MaxTopics} pushed topics.");
        }

        var ended = CancellationTokenSource.CreateLinkedTokenSource(_aborted);
        Func<Task> push;
        try
        {
            push = await begin(ended.Token);
        }
        catch
        {
            ended.Dispose();
            throw;
        }

        Stop(topic);
        _pushes.Add(topic, ended);
        if (_connection is { } connection)
        {
            LargeSegmentTransport.Use(connection);
        }

        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => PushUntilEndAsync(push), CancellationToken.None);
        }

        return true;
    });

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
        if (!_pushes.Remove(topic, out var push))
        {
            return false;
        }

        push.Cancel();
        push.Dispose();
        return true;
    }

    private async Task PushUntilEndAsync(Func<Task> push)
    {
        try
        {
            await push();
        }
        catch (OperationCanceledException)
        {
            // The connection has ended, or the push was stopped.
        }
        catch (Exception e)
        {
            LogPushFailed(_log, e);
        }
    }

    /// <summary>Ends what belongs to the connection; a session with a grace waits for the next one.</summary>
    private async Task EndAsync()
    {
        await Gate.WaitAsync();
        try
        {
            // A detached session refers to this object for as long as its grace.
            (_connection, _client) = (null, null);
            foreach (var topic in _pushes.Keys.ToArray())
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
