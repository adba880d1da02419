using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Link;

/// <summary>
/// The stream provider that carries deltas. The queue of a stream is on the silo that consumes it, and so is the agent that
/// pulls from it: what two silos tell each other does not depend on a third.
/// </summary>
/// <remarks>
/// Orleans' memory streams put queues and agents on arbitrary silos: when one is killed, streams between the others
/// stand still until its death is noticed. Here a silo has one queue, which never moves.
/// </remarks>
internal sealed class DeltaStreams(string name, IGrainFactory grains, DeltaQueue queue, ILoggerFactory loggers) :
    IQueueAdapterFactory,
    IQueueAdapter,
    IStreamQueueMapper,
    IStreamQueueBalancer
{
    private readonly QueueId _queue = QueueId.GetQueueId(name, 0, 0);

    public string Name => name;

    public bool IsRewindable => false;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadWrite;

    public async Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext)
    {
        // The key of a stream is that of the grain which consumes it.
        var consumer = grains.GetGrain<IPresenceShardGrain>(streamId.GetKeyAsString());
        foreach (var batch in events.Cast<DeltaBatch>())
        {
            await consumer.Enqueue(batch);
        }
    }

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => new Receiver(queue);

    public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(this);

    public IQueueAdapterCache GetQueueAdapterCache() =>
        new SimpleQueueAdapterCache(new SimpleQueueCacheOptions { CacheSize = 4096 }, name, loggers);

    public IStreamQueueMapper GetStreamQueueMapper() => this;

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) =>
        Task.FromResult<IStreamFailureHandler>(new NoOpStreamDeliveryFailureHandler());

    public IEnumerable<QueueId> GetAllQueues() => [_queue];

    public QueueId GetQueueForStream(StreamId streamId) => _queue;

    public IEnumerable<QueueId> GetMyQueues() => [_queue];

    public Task Initialize(IStreamQueueMapper queueMapper) => Task.CompletedTask;

    public Task Shutdown() => Task.CompletedTask;

    public bool SubscribeToQueueDistributionChangeEvents(IStreamQueueBalanceListener observer) => true;

    public bool UnSubscribeFromQueueDistributionChangeEvents(IStreamQueueBalanceListener observer) => true;

    private sealed class Receiver(DeltaQueue queue) : IQueueAdapterReceiver
    {
        private const int Most = 256;

        public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

        public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) =>
            Task.FromResult<IList<IBatchContainer>>(queue.Take(maxCount > 0 ? Math.Min(maxCount, Most) : Most));

        public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

        public Task Shutdown(TimeSpan timeout) => Task.CompletedTask;
    }
}
