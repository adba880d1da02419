using Microsoft.Extensions.Logging;
using Orleans.Streams;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Link;

/// <summary>The two ways to one shard of one silo: its stream, and calls to its grain. Each has an outbox of its own.</summary>
internal sealed partial class ShardRoute : IAsyncDisposable
{
    private readonly OrleansLink _link;
    private readonly ShardKey _key;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Outbox _calls;
    private readonly Outbox _stream;
    private IAsyncStream<DeltaBatch>? _events;
    private long? _detourSince;

    public ShardRoute(OrleansLink link, ShardKey key, PresenceOrleansOptions options, TimeProvider time, ILogger logger)
    {
        _link = link;
        _key = key;
        _options = options;
        _time = time;
        _logger = logger;
        _calls = new Outbox(options, link.Instruments, CallAsync);
        _stream = options.Transport == DeltaTransport.Streams
            ? new Outbox(options, link.Instruments, PublishAsync)
            : _calls;
    }

    /// <summary>For frames meant for this member: the surest way.</summary>
    public void Call(LinkFrame frame) => _calls.Post(frame);

    /// <summary>For frames meant for everybody.</summary>
    public void Publish(LinkFrame frame) => _stream.Post(frame);

    public async ValueTask DisposeAsync()
    {
        await _calls.DisposeAsync();
        await _stream.DisposeAsync();
    }

    private async Task CallAsync(DeltaFrame[] frames, CancellationToken cancellation)
    {
        await _link.ShardGrain(_key).Deliver(_link.Batch(frames)).WaitAsync(_options.CallTimeout, _time, cancellation);
        _link.Instruments.Sent(byStream: false);
    }

    /// <remarks>
    /// The queue of a memory stream lives on some silo, perhaps one that has just died, and throws when 16,384 events are
    /// unread. Either way grain calls stand in for a while, so that the survivors keep hearing each other.
    /// </remarks>
    private async Task PublishAsync(DeltaFrame[] frames, CancellationToken cancellation)
    {
        if (IsDetoured() || frames.Size() > _options.BatchBytes)
        {
            await CallAsync(frames, cancellation);
            return;
        }

        try
        {
            _events ??= _link.ShardStream(_key);
            await _events.OnNextAsync(_link.Batch(frames)).WaitAsync(_options.StreamTimeout, _time, cancellation);
            _link.Instruments.Sent(byStream: true);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            LogDetour(_logger, _key, e);
            _link.Instruments.Detoured();
            _detourSince = _time.GetTimestamp();
            await CallAsync(frames, cancellation);
        }
    }

    private bool IsDetoured()
    {
        if (_detourSince is { } since && _time.GetElapsedTime(since) >= _options.Detour)
        {
            _detourSince = null;
        }

        return _detourSince is not null;
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The delta stream of {Shard} failed; grain calls stand in for it.")]
    private static partial void LogDetour(ILogger logger, ShardKey shard, Exception error);
}
