using System.Threading.Channels;
using Orleans.Streams;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Transport;

/// <summary>
/// The two paths to one shard of one silo: its stream for broadcast frames, and calls to its grain for frames to it
/// alone. Each has its own queue and one batch in flight, so that a large repair response does not delay deltas.
/// </summary>
internal sealed class ShardRoute : IAsyncDisposable
{
    private readonly OrleansTransport _transport;
    private readonly ShardKey _key;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly FrameSendQueue _calls;
    private readonly FrameSendQueue _stream;
    private IAsyncStream<DeltaBatch>? _events;

    public ShardRoute(OrleansTransport transport, ShardKey key, PresenceOrleansOptions options, TimeProvider time)
    {
        _transport = transport;
        _key = key;
        _options = options;
        _time = time;
        _calls = new FrameSendQueue(options, transport.Instruments, CallAsync);
        _stream = new FrameSendQueue(options, transport.Instruments, PublishAsync);
    }

    /// <summary>Sends a frame to this node alone.</summary>
    public void Call(ClusterFrame frame) => _calls.Post(frame);

    /// <summary>Sends a frame that is broadcast to all nodes.</summary>
    public void Publish(ClusterFrame frame) => _stream.Post(frame);

    public async ValueTask DisposeAsync()
    {
        await _calls.DisposeAsync();
        await _stream.DisposeAsync();
    }

    private async Task CallAsync(ClusterFrame[] frames, CancellationToken cancellation)
    {
        await RequireNodeAsync(cancellation);
        await _transport.ShardGrain(_key).Deliver(_transport.Batch(frames))
            .WaitAsync(_options.CallTimeout, _time, cancellation);
        _transport.Instruments.Sent(byStream: false);
    }

    private async Task PublishAsync(ClusterFrame[] frames, CancellationToken cancellation)
    {
        await RequireNodeAsync(cancellation);
        _events ??= _transport.ShardStream(_key);
        await _events.OnNextAsync(_transport.Batch(frames)).WaitAsync(_options.CallTimeout, _time, cancellation);
        _transport.Instruments.Sent(byStream: true);
    }

    /// <summary>Waits for the manifest, which arrives after membership; throws if the silo is not a node.</summary>
    private async ValueTask RequireNodeAsync(CancellationToken cancellation)
    {
        var known = _transport.IsNodeAsync(_key.Silo);
        if (!(known.IsCompleted ? await known : await known.WaitAsync(cancellation)))
        {
            throw new InvalidOperationException($"Silo {_key.Silo} is not a presence node.");
        }
    }
}

/// <summary>
/// Send queue of frames for one shard of one silo: bounded, with one batch in flight. Keeps the order; frames that
/// arrive meanwhile are sent in the next batch.
/// </summary>
/// <remarks>When full it drops the newest frame: a contiguous rest is the cheapest to repair.</remarks>
internal sealed class FrameSendQueue : IAsyncDisposable
{
    private readonly Channel<ClusterFrame> _queue;
    private readonly PresenceOrleansOptions _options;
    private readonly TransportInstruments _instruments;
    private readonly Func<ClusterFrame[], CancellationToken, Task> _transmit;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _pump;
    private long _bytes;

    /// <param name="options">The limits.</param>
    /// <param name="instruments">Counts dropped frames.</param>
    /// <param name="transmit">Sends one batch. An exception drops only this batch.</param>
    public FrameSendQueue(
        PresenceOrleansOptions options,
        TransportInstruments instruments,
        Func<ClusterFrame[], CancellationToken, Task> transmit)
    {
        _options = options;
        _instruments = instruments;
        _transmit = transmit;
        _queue = Channel.CreateBounded<ClusterFrame>(
            new BoundedChannelOptions(options.SendQueueCapacity)
            {
                SingleReader = true,
                FullMode = BoundedChannelFullMode.Wait,
            });

        // The sender may be a grain, whose scheduler and request context must not flow into the loop.
        using (ExecutionContext.SuppressFlow())
        {
            _pump = Task.Run(PumpAsync);
        }
    }

    /// <summary>Queues a frame, or drops it if the queue is full. Does not wait.</summary>
    public void Post(ClusterFrame frame)
    {
        // One frame of any size fits into an empty queue, or it would never be sent.
        var size = frame.Body.Length;
        var bytes = Interlocked.Add(ref _bytes, size);
        if ((bytes > _options.SendQueueMaxBytes && bytes != size) || !_queue.Writer.TryWrite(frame))
        {
            Interlocked.Add(ref _bytes, -size);
            _instruments.Dropped(DropReason.SendQueueFull);
        }
    }

    /// <summary>Stops at once. Queued frames are dropped without being counted.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_queue.Writer.TryComplete())
        {
            await _stop.CancelAsync();
            await _pump;
            _stop.Dispose();
        }
    }

    private async Task PumpAsync()
    {
        try
        {
            while (await _queue.Reader.WaitToReadAsync(_stop.Token))
            {
                var batch = DequeueBatch();
                try
                {
                    await _transmit(batch, _stop.Token);
                }
                catch (Exception) when (!_stop.IsCancellationRequested)
                {
                    // The frames are lost; anti-entropy repairs them.
                    _instruments.Dropped(DropReason.SendFailed, batch.Length);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private ClusterFrame[] DequeueBatch()
    {
        var batch = new List<ClusterFrame>();
        var size = 0L;
        while (_queue.Reader.TryPeek(out var next)
            && (batch.Count == 0 || size + next.Body.Length <= _options.BatchBytes)
            && _queue.Reader.TryRead(out var frame))
        {
            size += frame.Body.Length;
            batch.Add(frame);
        }

        Interlocked.Add(ref _bytes, -size);
        return [.. batch];
    }
}
