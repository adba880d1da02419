using Orleans.Providers.Streams.Common;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Client;

/// <summary>The read-only client side of the stream provider <c>presence</c>. Only silos publish there.</summary>
internal sealed class ReadOnlyTopicStreams(string name) : IQueueAdapterFactory, IQueueAdapter, IQueueAdapterCache
{
    public string Name => name;

    public bool IsRewindable => false;

    public StreamProviderDirection Direction => StreamProviderDirection.ReadOnly;

    public Task<IQueueAdapter> CreateAdapter() => Task.FromResult<IQueueAdapter>(this);

    public IQueueAdapterCache GetQueueAdapterCache() => this;

    public IStreamQueueMapper GetStreamQueueMapper() =>
        new HashRingBasedStreamQueueMapper(new() { TotalQueueCount = 1 }, name);

    public Task<IStreamFailureHandler> GetDeliveryFailureHandler(QueueId queueId) =>
        Task.FromResult<IStreamFailureHandler>(new NoOpStreamDeliveryFailureHandler());

    public Task QueueMessageBatchAsync<T>(
        StreamId streamId,
        IEnumerable<T> events,
        StreamSequenceToken? token,
        Dictionary<string, object>? requestContext) => throw NotHere();

    public IQueueAdapterReceiver CreateReceiver(QueueId queueId) => throw NotHere();

    public IQueueCache CreateQueueCache(QueueId queueId) => throw NotHere();

    private NotSupportedException NotHere() =>
        new($"Streams of the provider '{name}' are published by silos; a client can only subscribe.");
}
