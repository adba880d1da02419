using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;
using Presence.Grains.Cluster;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>See <see cref="ITopicPresenceGrain"/>. Holds nothing: it reads and writes the node of the silo it is on.</summary>
[PresenceGrainType("presence-topic")]
[StatelessWorker(1)]
[Reentrant]
internal sealed class TopicPresenceGrain(
    IPresenceNode node,
    LeaseTable leases,
    ObserverTable observers,
    DiffStreams streams,
    PresenceSilos silos,
    IStreamSubscriptionManagerAdmin subscriptions,
    ILocalSiloDetails silo)
    : Grain, ITopicPresenceGrain
{
    private const int MaxPage = 10_000;
    private readonly IPresenceTracker _tracker = node.Tracker;

    private readonly string _silo = silo.SiloAddress.ToParsableString();

    private string Topic => field ??= this.GetPrimaryKeyString();

    public async Task<PresenceHandle> Track(string key, PresenceMeta meta = default, string? lease = null)
    {
        // An id of our own need not be secret, only unlike all others.
        var id = lease ?? Guid.NewGuid().ToString("N");
        var (process, isNew) = leases.Open(id);
        try
        {
            var entry = await _tracker.TrackAsync(process, Topic, key, meta);
            return new PresenceHandle(_silo, id, leases.Duration, Topic, key, entry.Ref);
        }
        catch when (isNew)
        {
            leases.End(id);
            throw;
        }
    }

    public Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta) => LeasesOf(handle).Update(handle, meta);

    public Task<bool> Untrack(PresenceHandle handle) => LeasesOf(handle).Untrack(handle);

    public Task<TopicList> List() =>
        Task.FromResult(new TopicList(Topic, node.Name, _tracker.List(Topic).ToArray(), null));

    public Task<IReadOnlyList<PresenceEntry>> GetByKey(string key) =>
        Task.FromResult<IReadOnlyList<PresenceEntry>>(_tracker.GetByKey(Topic, key));

    public Task<int> Count() => Task.FromResult(_tracker.Count(Topic));

    public Task<int> KeyCount() => Task.FromResult(_tracker.KeyCount(Topic));

    public Task<TopicList> Page(string? after, int limit)
    {
        if (limit is < 1 or > MaxPage)
        {
            throw new ArgumentOutOfRangeException(nameof(limit), limit, $"A page has 1 to {MaxPage} keys.");
        }

        var page = _tracker.List(Topic).Page(after, limit);
        return Task.FromResult(new TopicList(Topic, node.Name, page.Entries, page.Next));
    }

    public Task<PresenceSubscription> Subscribe(IPresenceObserver observer)
    {
        ArgumentNullException.ThrowIfNull(observer);
        var (id, snapshot, known) = observers.Add(Topic, observer);
        return Task.FromResult(new PresenceSubscription(
            _silo,
            id,
            observers.Duration,
            new TopicList(Topic, node.Name, snapshot.ToArray(), null, known)));
    }

    public Task<bool> Unsubscribe(PresenceSubscription subscription)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        return silos.Grain(GrainFactory, subscription.Silo).Unsubscribe(subscription.Id);
    }

    public Task<TopicPosition> Position() => Home().Position(Topic);

    public Task<TopicChanges> CatchUp() => Home().CatchUp(Topic);

    // The grain that keeps the subscriptions must begin on a node: another silo may not have a store for it.
    public Task PrepareStream() => subscriptions
        .GetStreamSubscriptionManager(StreamSubscriptionManagerType.ExplicitSubscribeOnly)
        .GetSubscriptions(PresenceStreams.Queues, PresenceStreams.Diffs(Topic));

    public Task FollowStream() => Home().Position(Topic);

    private IPresenceSiloGrain Home() => silos.Grain(GrainFactory, streams.HomeOf(Topic).ToParsableString());

    private IPresenceSiloGrain LeasesOf(PresenceHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return string.Equals(handle.Topic, Topic, StringComparison.Ordinal)
            ? silos.Grain(GrainFactory, handle.Silo)
            : throw new ArgumentException($"The handle is of topic '{handle.Topic}', not of '{Topic}'.", nameof(handle));
    }
}
