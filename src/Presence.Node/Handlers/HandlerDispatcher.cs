using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;
using Presence.Tracker;

namespace Presence.Node.Handlers;

/// <summary>Calls one handler with one item at a time, in order, from a bounded queue.</summary>
/// <remarks>
/// When the queue is full of diffs, later ones are coalesced to their net effect, which is bounded by the number of
/// presences concerned; when it is full of messages, new ones are rejected. The cost of a post does not depend on the
/// length of the queue, because shards post.
/// </remarks>
internal sealed class HandlerDispatcher(
    IPresenceHandler handler, string tracker, int capacity, NodeInstruments instruments, ILogger log)
    : IChangeSink, IAsyncDisposable
{
    /// <summary>Whether the current control flow is inside a call of any handler.</summary>
    private static readonly AsyncLocal<bool> IsInside = new();

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Changes posted before the start, which form the first diff; null after the start.</summary>
    private List<PresenceChange[]>? _initial = [];

    private Queue<object> _queue = new();

    /// <summary>Net effect of all changes after those in the full queue; null while the handler keeps up.</summary>
    private DiffCoalescer? _lag;

    /// <summary>Messages posted while the handler lagged, delivered after <see cref="_lag"/>.</summary>
    private Queue<object> _afterLag = new();

    private int _diffs;
    private int _messages;
    private bool _isWaiting;
    private Task _running = Task.CompletedTask;

    public Action? OnDispose { get; set; }

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
                Coalesce(changes);
            }

            Wake();
        }
    }

    public bool Send(object message)
    {
        ArgumentNullException.ThrowIfNull(message);
        lock (_gate)
        {
            if (_messages >= capacity)
            {
                instruments.MessageRejected();
                return false;
            }

            (_lag is null ? _queue : _afterLag).Enqueue(new Message(message));
            _messages++;
            Wake();
            return true;
        }
    }

    /// <summary>Starts to call the handler, with everything posted so far as one first diff.</summary>
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
        // A callback that a handler registered with its token may throw.
        await _stop.CancelAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // A handler that waited for its own end, or for that of one that waits for it, would deadlock.
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

    private void Coalesce(PresenceChange[] changes)
    {
        if (_lag is null)
        {
            _lag = new DiffCoalescer();
            instruments.Coalesced(SlowConsumerKind.Handler, $"{handler.GetType()} of {tracker}");
        }

        foreach (var change in changes)
        {
            _lag.Add(change);
        }
    }

    private async Task RunAsync(List<PresenceChange[]> initial)
    {
        IsInside.Value = true;
        if (initial.Count > 0 && !_stop.IsCancellationRequested)
        {
            await CallAsync(initial.Count == 1 ? initial[0] : Net(initial)).ConfigureAwait(false);
        }

        while (!_stop.IsCancellationRequested)
        {
            if (Dequeue() is { } item)
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

    private object? Dequeue()
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
            // Disposed during the call.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (instruments.HandlerFailed(out var count))
            {
                log.HandlerFailed(tracker, count, LogText.Escape(e));
            }
        }
    }

    private sealed record Message(object Body);
}
