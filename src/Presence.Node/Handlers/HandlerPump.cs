using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Calls one handler, one thing at a time and in order, from a bounded queue of its own.</summary>
/// <remarks>
/// Full of diffs, what comes later is condensed to its net effect, which is bounded by the presences concerned; full of
/// messages, it drops the new one and says so. To post costs the change and not what waits, because shards post.
/// </remarks>
internal sealed class HandlerPump(IPresenceHandler handler, string tracker, int capacity, NodeInstruments instruments, ILogger log)
    : IAsyncDisposable
{
    /// <summary>Whether the flow of control is inside a call of some handler.</summary>
    private static readonly AsyncLocal<bool> IsInside = new();

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>What was posted before the start: the first diff.</summary>
    private List<PresenceChange[]>? _initial = [];

    private Queue<object> _queue = new();

    /// <summary>The net effect of all changes after those in the queue, while there are too many of them.</summary>
    private DiffCoalescer? _lag;

    /// <summary>Messages that came while the handler lagged; their turn is after <see cref="_lag"/>.</summary>
    private Queue<object> _afterLag = new();

    private int _diffs;
    private int _messages;
    private bool _isWaiting;
    private Task _running = Task.CompletedTask;

    /// <summary>Called by whoever made the pump: leaves all shards.</summary>
    public Action? OnDispose { get; set; }

    /// <summary>Adds changes, in order with all added before.</summary>
    public void Post(PresenceChange[] changes)
    {
        lock (_gate)
        {
            if (_initial is not null)
            {
                _initial.Add(changes);
                return;
            }

            if (_lag is null && _diffs < capacity)
            {
                _queue.Enqueue(changes);
                _diffs++;
            }
            else
            {
                Condense(changes);
            }

            Wake();
        }
    }

    /// <summary>Adds a message; false if too many wait.</summary>
    public bool Send(object message)
    {
        ArgumentNullException.ThrowIfNull(message);
        lock (_gate)
        {
            if (_messages >= capacity)
            {
                instruments.MessageRefused();
                return false;
            }

            (_lag is null ? _queue : _afterLag).Enqueue(new Message(message));
            _messages++;
            Wake();
            return true;
        }
    }

    /// <summary>Begins to call the handler. What was posted before is one first diff.</summary>
    public void Start()
    {
        List<PresenceChange[]> initial;
        lock (_gate)
        {
            initial = _initial ?? [];
            _initial = null;
        }

        _running = Task.Run(() => RunAsync(initial));
    }

    public async ValueTask DisposeAsync()
    {
        OnDispose?.Invoke();
        // What a handler registered with its token may throw.
        await _stop.CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // A handler cannot wait for its own end, nor for that of another, which may wait for it.
        if (!IsInside.Value)
        {
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Wake()
    {
        if (_isWaiting)
        {
            _isWaiting = false;
            _signal.Release();
        }
    }

    private void Condense(PresenceChange[] changes)
    {
        if (_lag is null)
        {
            _lag = new DiffCoalescer();
            instruments.Condensed();
        }

        foreach (var change in changes)
        {
            _lag.Add(change);
        }
    }

    private async Task RunAsync(List<PresenceChange[]> initial)
    {
        IsInside.Value = true;
        if (initial.Count > 0)
        {
            await CallAsync(initial.Count == 1 ? initial[0] : Net(initial)).ConfigureAwait(false);
        }

        while (!_stop.IsCancellationRequested)
        {
            if (Take() is { } item)
            {
                await CallAsync(item is DiffCoalescer lag ? lag.Drain() : item).ConfigureAwait(false);
                continue;
            }

            try
            {
                await _signal.WaitAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private object? Take()
    {
        lock (_gate)
        {
            if (_queue.TryDequeue(out var item))
            {
                _diffs -= item is PresenceChange[]? 1 : 0;
                _messages -= item is Message ? 1 : 0;
                return item;
            }

            var lag = _lag;
            _lag = null;
            (_queue, _afterLag) = (_afterLag, _queue);
            _isWaiting = lag is null;
            return lag;
        }
    }

    private static IReadOnlyList<PresenceChange> Net(List<PresenceChange[]> posted)
    {
        var coalescer = new DiffCoalescer();
        foreach (var change in posted.SelectMany(changes => changes))
        {
            coalescer.Add(change);
        }

        return coalescer.Drain();
    }

    private async Task CallAsync(object item)
    {
        try
        {
            if (item is Message message)
            {
                await handler.HandleInfoAsync(message.Body, _stop.Token).ConfigureAwait(false);
            }
            else if (item is IReadOnlyList<PresenceChange> { Count: > 0 } changes)
            {
                await handler.HandleDiffAsync(new PresenceDiff(changes), _stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Ended while it was called.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            instruments.HandlerFailed();
            log.HandlerFailed(tracker, e);
        }
    }

    private sealed record Message(object Body);
}
