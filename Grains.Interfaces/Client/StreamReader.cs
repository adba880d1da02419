using Orleans;
using Orleans.Streams;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>
/// Reads a topic through its Orleans stream. Compares itself with the position that the publisher silo reports once per
/// renewal interval, so that a lost event, subscription or publisher is detected even if no event follows.
/// </summary>
internal sealed class StreamReader(
    PresenceClient client,
    string topic,
    Func<IReadOnlyList<PresenceChange>, ValueTask> handler)
    : TopicReader(client, topic, handler)
{
    private static readonly TimeSpan InFlightDelay = TimeSpan.FromMilliseconds(250);

    private StreamSubscriptionHandle<TopicChanges>? _subscription;
    private volatile StreamPosition? _reported;
    private StreamPosition? _expected;
    private volatile bool _isPublisherLost;
    private int _received;

    public override string? Silo => PublisherSilo;

    /// <summary>Receives the position of the stream; null if the silo does not publish it any more.</summary>
    public void OnPosition(StreamPosition? position)
    {
        _reported = position;
        _isPublisherLost = position is null;
        if (position is null || !Has(position))
        {
            Recheck();
        }
    }

    public override void OnSiloLost(string silo)
    {
        if (string.Equals(Silo, silo, StringComparison.Ordinal))
        {
            OnPosition(null);
        }
    }

    protected override async Task<TopicChanges> OpenAsync(CancellationToken cancellation)
    {
        _reported = _expected = null;
        if (Interlocked.Exchange(ref _received, 0) == 0)
        {
            // No event has arrived: the silo that stored the subscription may have failed. Its end may wait for that
            // silo.
            _ = CloseAsync();
        }

        _subscription ??= await SubscribeAsync(cancellation);
        var reset = await Client.CallAsync(Grain.GetSnapshot(Cursor), cancellation);
        _isPublisherLost = false;
        if (reset.Rest is null)
        {
            return reset;
        }

        var first = reset.Changes.Select(c => c.Entry).ToList();
        var all = await ReadRestAsync(reset.Silo, reset.Rest, first, cancellation);
        return reset with { Changes = [.. PresenceChange.JoinedAll(all)], Rest = null };
    }

    protected override Task<bool> CheckAsync(CancellationToken cancellation)
    {
        if (_isPublisherLost)
        {
            return Task.FromResult(false);
        }

        if (_expected is { } expected && !Has(expected))
        {
            return Task.FromResult(false);
        }

        _expected = null;
        if (_reported is { } reported && !Has(reported))
        {
            // The event may be in flight; check again when it must have arrived.
            _expected = reported;
            CheckAfter(InFlightDelay);
        }

        return Task.FromResult(true);
    }

    protected override async Task CloseAsync()
    {
        if (_subscription is { } subscription)
        {
            _subscription = null;
            await subscription.UnsubscribeAsync()
                .WaitAsync(Client.Options.CallTimeout, Client.Time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<StreamSubscriptionHandle<TopicChanges>> SubscribeAsync(CancellationToken cancellation)
    {
        var subscribing = Client.Grains.GetStreamProvider(PresenceStreams.Provider)
            .GetStream<TopicChanges>(PresenceStreams.Diffs(Topic))
            .SubscribeAsync(OnNextAsync);
        try
        {
            return await Client.CallAsync(subscribing, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            _ = UnsubscribeAsync(subscribing);
            throw;
        }
    }

    /// <summary>Ends a subscription that nobody waits for any more, as soon as it is made.</summary>
    private static async Task UnsubscribeAsync(Task<StreamSubscriptionHandle<TopicChanges>> subscribing)
    {
        await ((Task)subscribing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (subscribing.IsCompletedSuccessfully)
        {
            await (await subscribing).UnsubscribeAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task OnNextAsync(TopicChanges changes, StreamSequenceToken? token)
    {
        Volatile.Write(ref _received, 1);
        Post(changes);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Returns whether the reader has everything up to a position. False if it follows a publisher with a higher term,
    /// which was replaced before the other silos knew of it.
    /// </summary>
    private bool Has(StreamPosition position) => position.Term == At.Term && position.Sequence <= At.Sequence;
}
