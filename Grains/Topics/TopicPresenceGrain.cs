using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;
using Presence.Grains.Cluster;
using Presence.Grains.Diffs;
using Presence.Grains.Leases;
using Presence.Node;
using Presence.Node.Hosting;
using Presence.Node.Security;
using Presence.Node.Trackers;
using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>See <see cref="ITopicPresenceGrain"/>. Stateless: uses the node of its silo.</summary>
[PresenceGrainType("presence-topic")]
[StatelessWorker(1, removeIdleWorkers: false)]
[Reentrant]
internal sealed class TopicPresenceGrain(
    IPresenceNode node,
    LeaseRegistry leases,
    LeasedPresences presences,
    ObserverRegistry observers,
    PagedLists lists,
    TopicStreamPublisher streams,
    PresenceSilos silos,
    IStreamSubscriptionManagerAdmin subscriptions,
    ILocalSiloDetails silo)
    : Grain, ITopicPresenceGrain
{
    private const int MaxPage = 10_000;
    private const int MaxLeases = 1000;
    private readonly IPresenceTracker _tracker = node.Tracker;

    private readonly string _silo = silo.SiloAddress.ToParsableString();

    /// <summary>Completes when a list has the presences of all nodes: a silo that starts may lack some.</summary>
    private Task Synchronized => (node as PresenceNode)?.Synchronized ?? Task.CompletedTask;

    private string Topic => field ??= this.GetPrimaryKeyString();

    public async Task<PresenceHandle> Track(string key, PresenceMeta meta = default, string? lease = null)
    {
        // A caller that knows the id can end the lease.
        var id = lease ?? RandomIds.NextText();
        var (session, isNew) = leases.Open(id);
        return await TrackAsync(session, isNew, id, new(Topic, key, meta));
    }

    public async Task<IReadOnlyList<PresenceHandle>> TrackMany(
        IReadOnlyList<TrackRequest> requests, IReadOnlyList<string> ids)
    {
        ArgumentNullException.ThrowIfNull(requests);
        ArgumentNullException.ThrowIfNull(ids);
        if (requests.Count != ids.Count || requests.Count > MaxLeases)
        {
            throw new ArgumentException(
                $"One call tracks up to {MaxLeases} presences under as many leases, not {requests.Count} and "
                + $"{ids.Count}.");
        }

        // All that can be checked is, before anybody sees a presence.
        foreach (var request in requests)
        {
            (_tracker as PresenceTracker)?.CheckLimits(request);
        }

        var opened = new List<(string Id, PresenceSession Session)>(requests.Count);
        try
        {
            foreach (var id in ids)
            {
                var (session, isNew) = leases.Open(id);
                opened.Add(isNew ? (id, session) : throw new ArgumentException($"The lease '{id}' is in use."));
            }

            var handles = new PresenceHandle[requests.Count];
            for (var i = 0; i < handles.Length; i++)
            {
                handles[i] = await TrackAsync(opened[i].Session, false, opened[i].Id, requests[i]);
            }

            return handles;
        }
        catch
        {
            opened.ForEach(lease => leases.End(lease.Id));
            throw;
        }
    }

    public async Task<PresenceHandle> Resume(PresenceHandle lost, PresenceMeta meta, string lease)
    {
        ArgumentNullException.ThrowIfNull(lost);
        ArgumentNullException.ThrowIfNull(lease);
        var (session, isNew) = await leases.ResumeAsync(lease, lost.Token);
        return await TrackAsync(session, isNew, lease, new(Topic, lost.Key, meta));
    }

    public Task<PresenceHandle> Update(PresenceHandle handle, PresenceMeta meta) => IsOfThisSilo(handle)
        ? presences.UpdateAsync(handle, meta)
        : silos.Grain(GrainFactory, handle.Silo).Update(handle, meta);

    public Task<bool> Untrack(PresenceHandle handle) => IsOfThisSilo(handle)
        ? presences.UntrackAsync(handle)
        : silos.Grain(GrainFactory, handle.Silo).Untrack(handle);

    public async Task<int> EndLeases(IReadOnlyList<string> all)
    {
        ArgumentNullException.ThrowIfNull(all);
        if (all.Count > MaxLeases)
        {
            throw new ArgumentException($"A call has at most {MaxLeases} leases, not {all.Count}.", nameof(all));
        }

        var ended = await Task.WhenAll(silos.Current.Nodes.Keys.Where(silos.IsServing).Select(
            node => silos.Grain(GrainFactory, node.ToParsableString()).EndLeases(all)));
        return ended.Sum();
    }

    public async Task<TopicList> List()
    {
        await Synchronized;
        return new TopicList(Topic, node.Name, _tracker.List(Topic).ToArray(), null);
    }

    public async Task<IReadOnlyList<PresenceEntry>> GetByKey(string key)
    {
        await Synchronized;
        return _tracker.GetByKey(Topic, key);
    }

    public async Task<int> Count()
    {
        await Synchronized;
        return _tracker.Count(Topic);
    }

    public async Task<int> KeyCount()
    {
        await Synchronized;
        return _tracker.KeyCount(Topic);
    }

    public async Task<TopicList> Page(string? after, int limit)
    {
        if (limit is < 1 or > MaxPage)
        {
            throw new ArgumentOutOfRangeException(nameof(limit), limit, $"A page has 1 to {MaxPage} keys.");
        }

        await Synchronized;
        var page = await _tracker.PageAsync(Topic, after, limit);
        return new TopicList(Topic, node.Name, page.Entries, page.Next);
    }

    public Task<int> Evict(string key) => _tracker.EvictAsync(Topic, key);

    public Task<int> EvictKey(string key) => _tracker.EvictKeyAsync(key);

    public Task<SendToKeyResult> Send(string key, string name, ReadOnlyMemory<byte> json) =>
        _tracker.SendAsync(Topic, key, new SessionMessage(name, json));

    public Task<SendToKeyResult> SendToKey(string key, string name, ReadOnlyMemory<byte> json) =>
        _tracker.SendToKeyAsync(key, new SessionMessage(name, json));

    public Task<IReadOnlyList<NodeFreshness>> Freshness() => Task.FromResult(_tracker.Freshness(Topic));

    public async Task<IReadOnlyList<string>> TopicsOf(string key)
    {
        await Synchronized;
        return _tracker.TopicsOf(key);
    }

    public async Task<PresenceSubscription> Subscribe(
        IPresenceObserver observer, string? id = null, string? cursor = null)
    {
        ArgumentNullException.ThrowIfNull(observer);
        RequireList();
        await Synchronized;
        id ??= RandomIds.NextText();
        var (snapshot, known, missed) = observers.Add(id, Topic, observer, cursor);
        var (first, rest) = missed is null ? lists.Begin(snapshot) : ([], null);
        return new PresenceSubscription(
            _silo, id, observers.Duration, new TopicList(Topic, node.Name, first, null, known, rest, missed));
    }

    public async Task<PresenceSubscription> SubscribeView(
        IPresenceObserver observer, PresenceView view, string? id = null)
    {
        ArgumentNullException.ThrowIfNull(observer);
        ArgumentNullException.ThrowIfNull(view);
        _tracker.Check(view, Topic);
        if (view.IsWhole)
        {
            return await Subscribe(observer, id);
        }

        await Synchronized;
        id ??= RandomIds.NextText();
        var (snapshot, known) = observers.Add(id, Topic, observer, view);
        var (first, rest) = lists.Begin(snapshot);
        return new PresenceSubscription(
            _silo, id, observers.Duration, new TopicList(Topic, node.Name, first, null, known, rest));
    }

    public Task<bool> Unsubscribe(PresenceSubscription subscription)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        return silos.Grain(GrainFactory, subscription.Silo).Unsubscribe(subscription.Id);
    }

    public Task<StreamPosition> GetStreamPosition() => PublisherSilo().Position(Topic);

    public Task<TopicChanges> GetSnapshot(string? cursor = null)
    {
        RequireList();
        return PublisherSilo().CatchUp(Topic, cursor);
    }

    /// <exception cref="CountsOnlyTopicException">No node has a list of the topic.</exception>
    private void RequireList()
    {
        if (_tracker.AdaptiveOf(Topic) is { IsCountsOnly: true })
        {
            throw new CountsOnlyTopicException(Topic);
        }
    }

    // The subscriptions' grain must be activated from a node, because another silo may lack its store.
    public Task PrepareStream() => subscriptions
        .GetStreamSubscriptionManager(StreamSubscriptionManagerType.ExplicitSubscribeOnly)
        .GetSubscriptions(PresenceStreams.Queues, PresenceStreams.Diffs(Topic));

    public Task FollowStream() => PublisherSilo().Position(Topic);

    private async Task<PresenceHandle> TrackAsync(
        PresenceSession session, bool isNew, string lease, TrackRequest request)
    {
        var (topic, key, meta) = request;
        try
        {
            var entry = await _tracker.TrackAsync(session, topic, key, meta);
            var token = session.Token?.ToBytes();
            return new PresenceHandle(_silo, lease, leases.Duration, topic, key, entry.Ref, token);
        }
        catch when (isNew)
        {
            leases.End(lease);
            throw;
        }
    }

    private IPinnedSiloGrain PublisherSilo() =>
        silos.Grain(GrainFactory, streams.PublisherSiloOf(Topic).ToParsableString());

    private bool IsOfThisSilo(PresenceHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return string.Equals(handle.Topic, Topic, StringComparison.Ordinal)
            ? string.Equals(handle.Silo, _silo, StringComparison.Ordinal)
            : throw new ArgumentException($"The handle is of topic '{handle.Topic}', not '{Topic}'.", nameof(handle));
    }
}
