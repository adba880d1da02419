using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;
using Orleans.Streams;

namespace Presence.Grains.Client;

/// <summary>
/// The stream provider <c>presence</c> as applications see it. A topic's stream is published only while it has
/// subscribers, so a subscription starts the topic's publisher.
/// </summary>
/// <param name="services">The services of the silo or client.</param>
internal sealed class TopicStreamProvider(IServiceProvider services) : IStreamProvider
{
    private readonly Lazy<IStreamProvider> _queues =
        new(() => services.GetRequiredKeyedService<IStreamProvider>(PresenceStreams.Queues));

    public string Name => PresenceStreams.Provider;

    public bool IsRewindable => false;

    public IAsyncStream<T> GetStream<T>(StreamId streamId) => new TopicStream<T>(
        _queues.Value.GetStream<T>(streamId),
        services.GetRequiredService<IGrainFactory>().GetGrain<ITopicPresenceGrain>(streamId.GetKeyAsString()));
}

/// <summary>A topic's stream; see <see cref="TopicStreamProvider"/>.</summary>
internal sealed class TopicStream<T>(IAsyncStream<T> stream, ITopicPresenceGrain topic) : IAsyncStream<T>
{
    public bool IsRewindable => stream.IsRewindable;

    public string ProviderName => PresenceStreams.Provider;

    public StreamId StreamId => stream.StreamId;

    public Task<StreamSubscriptionHandle<T>> SubscribeAsync(IAsyncObserver<T> observer) =>
        SubscribeAndPublishAsync(() => stream.SubscribeAsync(observer));

    public Task<StreamSubscriptionHandle<T>> SubscribeAsync(
        IAsyncObserver<T> observer, StreamSequenceToken? token, string? filterData = null) =>
        SubscribeAndPublishAsync(() => stream.SubscribeAsync(observer, token, filterData));

    public Task<StreamSubscriptionHandle<T>> SubscribeAsync(IAsyncBatchObserver<T> observer) =>
        SubscribeAndPublishAsync(() => stream.SubscribeAsync(observer));

    public Task<StreamSubscriptionHandle<T>> SubscribeAsync(
        IAsyncBatchObserver<T> observer, StreamSequenceToken? token) =>
        SubscribeAndPublishAsync(() => stream.SubscribeAsync(observer, token));

    /// <summary>Called before a subscription is resumed, which may be older than every running silo.</summary>
    public async Task<IList<StreamSubscriptionHandle<T>>> GetAllSubscriptionHandles()
    {
        await topic.FollowStream();
        return await stream.GetAllSubscriptionHandles();
    }

    public Task OnNextAsync(T item, StreamSequenceToken? token = null) => throw NotPublishable();

    public Task OnNextBatchAsync(IEnumerable<T> batch, StreamSequenceToken? token = null) => throw NotPublishable();

    public Task OnErrorAsync(Exception ex) => throw NotPublishable();

    public bool Equals(IAsyncStream<T>? other) => other is not null && StreamId.Equals(other.StreamId);

    public override bool Equals(object? obj) => Equals(obj as IAsyncStream<T>);

    public override int GetHashCode() => StreamId.GetHashCode();

    public int CompareTo(IAsyncStream<T>? other) => other is null ? 1 : StreamId.CompareTo(other.StreamId);

    /// <summary>Subscribes before the first event is published, so that the first subscriber gets the reset.</summary>
    private async Task<StreamSubscriptionHandle<T>> SubscribeAndPublishAsync(
        Func<Task<StreamSubscriptionHandle<T>>> subscribe)
    {
        await topic.PrepareStream();
        var handle = await subscribe();
        try
        {
            await topic.FollowStream();
            return handle;
        }
        catch
        {
            await handle.UnsubscribeAsync().ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            throw;
        }
    }

    private NotSupportedException NotPublishable() =>
        new($"Streams of the provider '{ProviderName}' are published by presence; subscribe to them.");
}
