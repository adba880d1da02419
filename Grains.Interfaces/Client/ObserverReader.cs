using Orleans;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>
/// Reads a topic, or a view of it, through an observer. Replaces the subscription, on any silo, when it is lost.
/// </summary>
internal sealed class ObserverReader(
    PresenceClient client,
    string topic,
    Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
    PresenceView? view = null)
    : TopicReader(client, topic, handler, isOfView: view is not null)
{
    private volatile Subscriber? _subscriber;
    private long _term;

    public override string? Silo => _subscriber?.Subscription?.Silo;

    public string SubscriptionId => _subscriber?.Id ?? "";

    public TimeSpan SubscriptionTimeout => _subscriber?.Subscription?.SubscriptionTimeout ?? TimeSpan.MaxValue;

    /// <summary>Subscribes again, because the silo has ended the subscription.</summary>
    public void OnSubscriptionEnded(string id)
    {
        if (_subscriber is { } subscriber && subscriber.Id == id)
        {
            subscriber.IsLost = true;
            Recheck();
        }
    }

    public override void OnSiloLost(string silo)
    {
        if (string.Equals(Silo, silo, StringComparison.Ordinal))
        {
            OnSubscriptionEnded(SubscriptionId);
        }
    }

    protected override async Task<TopicChanges> OpenAsync(CancellationToken cancellation)
    {
        // Each subscription has its own observer, so that late events of an earlier one carry an earlier term.
        await CloseAsync();
        var subscriber = new Subscriber(this, ++_term);
        subscriber.Reference = Client.Grains.CreateObjectReference<IPresenceObserver>(subscriber);
        _subscriber = subscriber;
        var subscribing = view is null
            ? Grain.Subscribe(subscriber.Reference, subscriber.Id, Cursor)
            : Grain.SubscribeView(subscriber.Reference, view, subscriber.Id);
        var subscription = await Client.BeginAsync(subscribing, [subscriber.Id], cancellation);
        subscriber.Subscription = subscription;
        var snapshot = subscription.Snapshot;
        var presences = await ReadRestAsync(subscription.Silo, snapshot.Rest, snapshot.Presences, cancellation);
        return new TopicChanges(
            Topic,
            snapshot.Node,
            Sequence: 0,
            IsReset: true,
            snapshot.Missed ?? [.. PresenceChange.JoinedAll(presences)],
            subscription.Silo,
            subscriber.Term,
            snapshot.Known,
            SinceCursor: snapshot.Missed is not null);
    }

    protected override Task<bool> CheckAsync(CancellationToken cancellation) =>
        Task.FromResult(_subscriber is { IsLost: false, Subscription: not null });

    protected override async Task CloseAsync()
    {
        if (_subscriber is not { } subscriber)
        {
            return;
        }

        _subscriber = null;
        if (subscriber.Subscription is { } subscription && !subscriber.IsLost)
        {
            try
            {
                await Client.CallAsync(Grain.Unsubscribe(subscription), default);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                Client.Abandon(subscription.Id);
            }
        }

        _ = ReleaseAsync(subscriber.Reference!);
    }

    /// <summary>
    /// Deletes an observer after the last call to it has arrived, which would log an error without it.
    /// </summary>
    private async Task ReleaseAsync(IPresenceObserver reference)
    {
        await Task.Delay(Client.Options.CallTimeout, Client.Time, Client.Stopping)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Client.Grains.DeleteObjectReference<IPresenceObserver>(reference);
    }

    private sealed class Subscriber(ObserverReader reader, long term) : IPresenceObserver
    {
        public string Id { get; } = PresenceClient.NewId();

        public long Term => term;

        public IPresenceObserver? Reference { get; set; }

        public PresenceSubscription? Subscription { get; set; }

        public bool IsLost { get; set; }

        public Task OnChanges(TopicChanges changes)
        {
            reader.Post(changes with { Term = term });
            return Task.CompletedTask;
        }
    }
}
