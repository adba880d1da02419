using Orleans.Streams;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Link;

/// <summary>
/// The two paths to one shard of one silo: its stream for deltas, and calls to its grain for what is meant for it alone. Each
/// has a queue of its own and one batch in flight, so a large repair response does not delay deltas.
/// </summary>
internal sealed class ShardRoute : IAsyncDisposable
{
    private readonly OrleansLink _link;
    private readonly ShardKey _key;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly Outbox _calls;
    private readonly Outbox _stream;
    private IAsyncStream<DeltaBatch>? _events;

    public ShardRoute(OrleansLink link, ShardKey key, PresenceOrleansOptions options, TimeProvider time)
    {
        _link = link;
        _key = key;
        _options = options;
        _time = time;
        _calls = new Outbox(options, link.Instruments, CallAsync);
        _stream = new Outbox(options, link.Instruments, PublishAsync);
    }

    /// <summary>Sends a frame that is meant for this node alone.</summary>
    public void Call(LinkFrame frame) => _calls.Post(frame);

    /// <summary>Sends a frame that is meant for all nodes.</summary>
    public void Publish(LinkFrame frame) => _stream.Post(frame);

    public async ValueTask DisposeAsync()
    {
        await _calls.DisposeAsync();
        await _stream.DisposeAsync();
    }

    private async Task CallAsync(LinkFrame[] frames, CancellationToken cancellation)
    {
        await RequireNodeAsync(cancellation);
        await _link.ShardGrain(_key).Deliver(_link.Batch(frames)).WaitAsync(_options.CallTimeout, _time, cancellation);
        _link.Instruments.Sent(byStream: false);
    }

    private async Task PublishAsync(LinkFrame[] frames, CancellationToken cancellation)
    {
        await RequireNodeAsync(cancellation);
        _events ??= _link.ShardStream(_key);
        await _events.OnNextAsync(_link.Batch(frames)).WaitAsync(_options.CallTimeout, _time, cancellation);
        _link.Instruments.Sent(byStream: true);
    }

    /// <summary>Waits until it is known that the silo is a node; its manifest arrives after its membership.</summary>
    private async ValueTask RequireNodeAsync(CancellationToken cancellation)
    {
        var known = _link.IsNodeAsync(_key.Silo);
        if (!(known.IsCompleted ? await known : await known.WaitAsync(cancellation)))
        {
            throw new InvalidOperationException($"Silo {_key.Silo} is not a presence node.");
        }
    }
}
