using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Streams;

/// <summary>
/// A stream provider whose queues never move: each silo has its own, and pulls from them itself. What travels between two
/// silos does not depend on a third.
/// </summary>
/// <remarks>
/// Orleans' memory streams put queues and agents on arbitrary silos: when one is killed, streams between the others
/// stand still until its death is noticed, and their queues are polled by grain calls.
/// </remarks>
internal abstract class SiloStreams(string name, SiloQueue[] queues, ILoggerFactory loggers) :
    IQueueAdapterFactory,
    IQueueAdapter,
    IStreamQueueMapper,
    IStreamQueueBalancer
{
    private readonly QueueId[] _ids = [.. queues.Select((_, i) => QueueId.GetQueueId(name, (uint)i, (uint)i))];

    public string Name => name;

    public bool IsRewindable => false;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadWrite;

    public abstract Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext);

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => new Receiver(queues[queueId.GetNumericId()]);

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

    private sealed class Receiver(SiloQueue queue) : IQueueAdapterReceiver
    {
        private const int Most = 256;

        public Task Initialize(TimeSpan timeout) => Task.CompletedTask;

        public Task<IList<IBatchContainer>> GetQueueMessagesAsync(int maxCount) =>
            Task.FromResult<IList<IBatchContainer>>(queue.Take(maxCount > 0 ? Math.Min(maxCount, Most) : Most));

        public Task MessagesDeliveredAsync(IList<IBatchContainer> messages) => Task.CompletedTask;

        public Task Shutdown(TimeSpan timeout) => Task.CompletedTask;
    }
}
