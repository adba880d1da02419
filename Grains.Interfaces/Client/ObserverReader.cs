using Orleans;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>
/// Reads a topic through an observer: subscribes, renews, and subscribes again on whichever silo answers when the
/// subscription or its silo is lost.
/// </summary>
internal sealed class ObserverReader(
    PresenceClient client,
    string topic,
    Func<IReadOnlyList<PresenceChange>, ValueTask> handler)
    : TopicReader(client, topic, handler)
{
    private Subscriber? _subscriber;
    private IPresenceObserver? _reference;
    private PresenceSubscription? _subscription;
    private long _term;

    protected override async Task<TopicChanges> OpenAsync(CancellationToken cancellation)
    {
        if (_subscription is { } old && await StillGoesOnAsync(old, cancellation))
        {
            // Nothing was lost but by this side's own backlog: a new subscription is the way to a list without a gap.
            await EndAsync(old);
        }

        // An observer per subscription: what an earlier one still gets bears an earlier term.
        Release();
        _subscriber = new Subscriber(this, ++_term);
        _reference = Client.Grains.CreateObjectReference<IPresenceObserver>(_subscriber);
        var subscription = await Client.CallAsync(Grain.Subscribe(_reference), cancellation);
        _subscription = subscription;
        return new TopicChanges(
            Topic,
            subscription.Snapshot.Node,
            Sequence: 0,
            IsReset: true,
            [.. subscription.Snapshot.Presences.Select(p => new PresenceChange(PresenceChangeKind.Joined, p, null, default))],
            subscription.Silo,
            _term,
            subscription.Snapshot.Known);
    }

    protected override Task<bool> CheckAsync(CancellationToken cancellation) =>
        _subscription is { } subscription ? StillGoesOnAsync(subscription, cancellation) : Task.FromResult(false);

    protected override async Task CloseAsync()
    {
        if (_subscription is { } subscription)
        {
            await EndAsync(subscription);
        }

        Release();
    }

    private async Task<bool> StillGoesOnAsync(PresenceSubscription subscription, CancellationToken cancellation)
    {
        try
        {
            return await Client.CallAsync(Client.Leases(subscription.Silo).RenewSubscription(subscription.Id), cancellation);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task EndAsync(PresenceSubscription subscription) =>
        await ((Task)Client.CallAsync(Grain.Unsubscribe(subscription), default))
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void Release()
    {
        if (_reference is { } reference)
        {
            Client.Grains.DeleteObjectReference<IPresenceObserver>(reference);
            _reference = null;
        }
    }

    private sealed class Subscriber(ObserverReader reader, long term) : IPresenceObserver
    {
        public Task Changed(TopicChanges changes)
        {
            reader.Post(changes with { Term = term });
            return Task.CompletedTask;
        }
    }
}
