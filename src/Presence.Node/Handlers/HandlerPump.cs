using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Calls one handler, one thing at a time and in order, from a bounded queue of its own.</summary>
/// <remarks>
/// Full of diffs, the queue condenses them to their net effect, which is bounded by the presences concerned; full of
/// messages, it drops the new one and says so.
/// </remarks>
internal sealed class HandlerPump(IPresenceHandler handler, string tracker, int capacity, NodeInstruments instruments, ILogger log)
    : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly CancellationTokenSource _stop = new();
    private Queue<object> _queue = new();
    private int _diffs;
    private int _messages;
    private bool _isWaiting;
    private Task _running = Task.CompletedTask;

    /// <summary>Called once by whoever made the pump: leaves all shards.</summary>
    public Action? OnDispose { get; set; }

    /// <summary>Adds changes, in order with all added before.</summary>
    public void Post(PresenceChange[] changes)
    {
        lock (_gate)
        {
            if (_diffs >= capacity)
            {
                Condense();
            }

            _queue.Enqueue(changes);
            _diffs++;
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
                instruments.Dropped("handler_message");
                return false;
            }

            _queue.Enqueue(new Message(message));
            _messages++;
            Wake();
            return true;
        }
    }

    /// <summary>Begins to call the handler. What was posted before is one first diff.</summary>
    public void Start()
    {
        lock (_gate)
        {
            if (_diffs > 1)
            {
                Condense();
            }
        }

        _running = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        OnDispose?.Invoke();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
    }

    private void Wake()
    {
        if (_isWaiting)
        {
            _isWaiting = false;
            _signal.Release();
        }
    }

    /// <summary>All waiting diffs become one, behind the messages that wait.</summary>
    private void Condense()
    {
        instruments.Condensed();
        var coalescer = new DiffCoalescer();
        var rest = new Queue<object>();
        foreach (var item in _queue)
        {
            if (item is PresenceChange[] changes)
            {
                foreach (var change in changes)
                {
                    coalescer.Add(change);
                }
            }
            else
            {
                rest.Enqueue(item);
            }
        }

        var net = coalescer.Drain();
        _diffs = net.Count == 0 ? 0 : 1;
        if (net.Count > 0)
        {
            rest.Enqueue(net.ToArray());
        }

        _queue = rest;
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            object? item;
            lock (_gate)
            {
                _isWaiting = !_queue.TryDequeue(out item);
                _diffs -= item is PresenceChange[]? 1 : 0;
                _messages -= item is Message ? 1 : 0;
            }

            try
            {
                if (item is null)
                {
                    await _signal.WaitAsync(_stop.Token).ConfigureAwait(false);
                }
                else
                {
                    await CallAsync(item).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                instruments.HandlerFailed();
                log.HandlerFailed(tracker, e);
            }
        }
    }

    private ValueTask CallAsync(object item) => item switch
    {
        PresenceChange[] changes => handler.HandleDiffAsync(new PresenceDiff(changes), _stop.Token),
        Message message => handler.HandleInfoAsync(message.Body, _stop.Token),
        _ => default,
    };

    private sealed record Message(object Body);
}
