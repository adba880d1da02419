using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Streams;

/// <summary>
/// A stream provider whose queues never move: each silo delivers from its own queues, so that a stream between two
/// silos does not depend on a third.
/// </summary>
/// <remarks>
/// Orleans' memory streams place queues and agents on any silo. When one fails, streams between the others stop until
/// it is declared dead; their queues are polled by grain calls. These queues are not polled: a read completes when
/// there is data.
/// </remarks>
internal abstract class LocalStreamProvider(
    string name, LocalStreamQueue[] queues, ILoggerFactory loggers, TimeProvider time) :
    IQueueAdapterFactory,
    IQueueAdapter,
    IStreamQueueMapper,
    IStreamQueueBalancer
{
    /// <summary>
    /// Timer period of the pulling agents. The timer restarts a read that ended early, because the agent was looking up
    /// the subscribers of a new stream or its cache was full. It does not run while a receiver waits for data.
    /// </summary>
    public static readonly TimeSpan AgentPeriod = TimeSpan.FromMilliseconds(10);

    private readonly QueueId[] _ids = [.. queues.Select((_, i) => QueueId.GetQueueId(name, (uint)i, (uint)i))];

    public string Name => name;

    public bool IsRewindable => false;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadWrite;

    public abstract Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext);

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => new Receiver(queues[queueId.GetNumericId()], time);

    public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(this);

    public IQueueAdapterCache GetQueueAdapterCache() =>
        new SimpleQueueAdapterCache(new SimpleQueueCacheOptions { CacheSize = 4096 }, name, loggers);

    public IStreamQueueMapper GetStreamQueueMapper() => this;

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) =>
        Task.FromResult<IStreamFailureHandler>(new NoOpStreamDeliveryFailureHandler());

    public IEnumerable<QueueId> GetAllQueues() => _ids;

    public QueueId GetQueueForStream(StreamId streamId) => _ids[(uint)streamId.GetHashCode() % (uint)_ids.Length];

    public IEnumerable<QueueId> GetMyQueues() => _ids;

    public Task Initialize(IStreamQueueMapper queueMapper) => Task.CompletedTask;

    public Task Shutdown() => Task.CompletedTask;

    public bool SubscribeToQueueDistributionChangeEvents(IStreamQueueBalanceListener observer) => true;

    public bool UnSubscribeFromQueueDistributionChangeEvents(IStreamQueueBalanceListener observer) => true;

    internal sealed class Receiver(LocalStreamQueue queue, TimeProvider time) : IQueueAdapterReceiver, IDisposable
    {
        private const int MaxBatch = 256;

        /// <summary>Maximum wait of a read. The agent purges idle streams from its cache only between reads.</summary>
        private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(1);

        // Completes a waiting read on shutdown, whatever the agent's token does.
        private readonly CancellationTokenSource _stop = new();

        public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

        public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) =>
            GetQueueMessagesAsync(maxCount, CancellationToken.None);

        public async Task<IList<IBatchContainer>> GetQueueMessagesAsync(
            int maxCount, CancellationToken cancellationToken)
        {
            var max = maxCount > 0 ? Math.Min(maxCount, MaxBatch) : MaxBatch;
            if (queue.Dequeue(max) is { Count: > 0 } ready)
            {
                return ready;
            }

            using var timeout = new CancellationTokenSource(MaxWait, time);
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(
                cancellationToken, _stop.Token, timeout.Token);
            try
            {
                await queue.WaitAsync(wait.Token);
            }
            catch (OperationCanceledException)
            {
                // An empty read ends the agent's loop; its timer starts the next one unless the agent stops.
                return [];
            }

            return queue.Dequeue(max);
        }

        public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

        public Task Shutdown(TimeSpan timeout) => _stop.CancelAsync();

        public void Dispose() => _stop.Dispose();
    }
}

/// <summary>Holds the events of streams in this silo's memory until they are delivered here. Bounded.</summary>
internal sealed class LocalStreamQueue
{
    /// <summary>Maximum number of undelivered events.</summary>
    public const int Capacity = 16_384;

    /// <summary>Maximum size of all undelivered events, in bytes.</summary>
    public const long CapacityInBytes = 64 * 1024 * 1024;

    private readonly Channel<(IBatchContainer Event, long Size)> _events =
        Channel.CreateUnbounded<(IBatchContainer, long)>(new UnboundedChannelOptions { SingleReader = true });

    private readonly Lock _order = new();
    private int _count;
    private long _bytes;
    private long _lastSequence;

    /// <summary>Appends an event.</summary>
    /// <param name="size">Approximate size of the event in bytes.</param>
    /// <param name="make">Creates the event for its position in the queue.</param>
    /// <exception cref="InvalidOperationException">The queue is full; the event was not added.</exception>
    public void Add(long size, Func<EventSequenceTokenV2, IBatchContainer> make)
    {
        if (Interlocked.Increment(ref _count) > Capacity | Interlocked.Add(ref _bytes, size) > CapacityInBytes)
        {
            Release(size);
            throw new InvalidOperationException(
                $"The stream queue of this silo is full ({Volatile.Read(ref _count)} undelivered events).");
        }

        lock (_order)
        {
            _events.Writer.TryWrite((make(new EventSequenceTokenV2(++_lastSequence)), size));
        }
    }

    /// <summary>Completes when the queue holds an event.</summary>
    /// <exception cref="OperationCanceledException">Canceled before an event arrived.</exception>
    public async ValueTask WaitAsync(CancellationToken cancellation) =>
        await _events.Reader.WaitToReadAsync(cancellation);

    /// <summary>Removes and returns up to <paramref name="max"/> events in order.</summary>
    public List<IBatchContainer> Dequeue(int max)
    {
        var dequeued = new List<IBatchContainer>();
        while (dequeued.Count < max && _events.Reader.TryRead(out var next))
        {
            Release(next.Size);
            dequeued.Add(next.Event);
        }

        return dequeued;
    }

    private void Release(long size)
    {
        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _bytes, -size);
    }
}
