using System.Threading.Channels;
using Presence.Node;

namespace Presence.Grains.Link;

/// <summary>
/// Frames on their way to one shard of one silo: a bounded queue, drained by a loop with one batch in flight, which keeps
/// the order and lets what arrives meanwhile travel together.
/// </summary>
/// <remarks>When full it drops the newest frame: what was queued before stays contiguous, which repairs cheapest.</remarks>
internal sealed class Outbox : IAsyncDisposable
{
    private readonly Channel<LinkFrame> _queue;
    private readonly PresenceOrleansOptions _options;
    private readonly LinkInstruments _instruments;
    private readonly Func<LinkFrame[], CancellationToken, Task> _transmit;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _pump;
    private long _bytes;

    /// <param name="options">Bounds.</param>
    /// <param name="instruments">Counts what is dropped.</param>
    /// <param name="transmit">Carries one batch. What it throws costs that batch and nothing else.</param>
    public Outbox(
        PresenceOrleansOptions options,
        LinkInstruments instruments,
        Func<LinkFrame[], CancellationToken, Task> transmit)
    {
        _options = options;
        _instruments = instruments;
        _transmit = transmit;
        _queue = Channel.CreateBounded<LinkFrame>(
            new BoundedChannelOptions(options.OutboxFrames) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

        // The sender may be a grain: its scheduler and its request context are not the loop's business.
        using (ExecutionContext.SuppressFlow())
        {
            _pump = Task.Run(PumpAsync);
        }
    }

    /// <summary>Queues a frame or drops it; returns at once.</summary>
    public void Post(LinkFrame frame)
    {
        var size = frame.Body.Length;
        if (Interlocked.Add(ref _bytes, size) > _options.OutboxBytes || !_queue.Writer.TryWrite(frame))
        {
            Interlocked.Add(ref _bytes, -size);
            _instruments.Dropped(DropReason.OutboxFull);
        }
    }

    /// <summary>Stops at once; what still waits is dropped, uncounted: its destination or this member is gone.</summary>
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
                var batch = TakeBatch();
                try
                {
                    await _transmit(batch, _stop.Token);
                }
                catch (Exception) when (!_stop.IsCancellationRequested)
                {
                    // Whatever the engine says, the frames are lost; the tracker repairs them.
                    _instruments.Dropped(DropReason.SendFailed, batch.Length);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private LinkFrame[] TakeBatch()
    {
        var batch = new List<LinkFrame>();
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
