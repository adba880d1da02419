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
