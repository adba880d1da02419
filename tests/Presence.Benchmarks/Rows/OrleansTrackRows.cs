namespace Presence.Benchmarks.Rows;

/// <summary>
/// Track calls to grains on one silo from inside it, by 100 concurrent callers. Each call tracks a new presence with a
/// new lease and key and prepared metadata; none leaves. With a receiver, the time lasts until it has all changes.
/// </summary>
internal static class OrleansTrackRows
{
    private const string Group = "orleans calls";

    private enum Receiver
    {
        None,
        Observer,
        Stream,
    }

    public static IEnumerable<Row> All =>
    [
        new(Group, "track, one topic, 100 callers", "calls/s", e => TrackAsync(e, topics: 1)),
        new(Group, "track, 100 topics, 100 callers", "calls/s", e => TrackAsync(e, topics: 100)),
        new(Group, "track, 100 followed topics, 100 callers", "calls/s", e => TrackAsync(
            e, topics: 100, Receiver.Stream)),
        new(Group, "track, 100 watched topics, 100 callers", "calls/s", e => TrackAsync(
            e, topics: 100, Receiver.Observer)),
        new(Group, "track, 100 topics without diff streams, 100 callers", "calls/s", e =>
            TrackAsync(e, topics: 100, diffStreams: false)),
        new(Group, "track, 100 topics, one of three silos, 100 callers", "calls/s", e => TrackAsync(
            e, topics: 100, others: 2)),
        new(Group, "update through handles of 100 topics, 100 callers", "calls/s", UpdateAsync),
        new(Group, "end leases, 100 in a call, one caller", "leases/s", EndLeasesAsync),
        new(Group, "track through IPresenceClient, 100 topics, 100 callers", "calls/s", TrackByClientAsync),
    ];

    /// <summary>
    /// Measures silos other than those that warm up the process: they would still remember the leases that have ended.
    /// </summary>
    private static async Task<double> TrackAsync(
        Effort effort,
        int topics,
        Receiver receiver = Receiver.None,
        bool diffStreams = true,
        int others = 0)
    {
        var metas = Metas(effort);
        await using (var first = await StartAsync())
        {
            var ended = 0;
            await OrleansCallRows.WarmAsync(async i =>
            {
                var topic = first.Topics[i % topics];
                var handle = await topic.Track($"warm {i}", metas[i % metas.Length]);
                await topic.EndLeases([handle.Lease]);
                Interlocked.Add(ref ended, 2);
            });
            await first.ReceivedAsync(ended);
        }

        await using var silos = await StartAsync();
        await Task.WhenAll(silos.Topics.Select(topic => topic.Count()));
        return await OrleansCallRows.CallAsync(
            metas.Length, i => silos.Topics[i % topics].Track(People.Key(i), metas[i]), silos.ReceivedAsync);

        Task<TrackedTopics> StartAsync() => TrackedTopics.StartAsync(topics, receiver, diffStreams, others);
    }

    private static async Task<double> UpdateAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        var grains = Enumerable.Range(0, 100)
            .Select(i => silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>(People.Topic(i))).ToArray();
        var metas = Metas(effort);
        var handles = new PresenceHandle[10_000];
        for (var i = 0; i < handles.Length; i++)
        {
            handles[i] = await grains[i % 100].Track(People.Key(i), metas[i]);
        }

        await OrleansCallRows.WarmAsync(ChangeAsync);
        return await OrleansCallRows.CallAsync(metas.Length, ChangeAsync);

        Task ChangeAsync(int i) => grains[i % 100].Update(handles[i % handles.Length], metas[i % metas.Length]);
    }

    private static async Task<double> EndLeasesAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        var topic = silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>("lobby");
        var took = TimeSpan.Zero;
        var ended = 0;
        for (var i = -effort.Tracks / 100; i < effort.Tracks / 100; i++)
        {
            string[] leases = [.. Enumerable.Range(0, 100).Select(j => $"lease {i} {j}")];
            await topic.TrackMany([.. leases.Select(lease => new TrackRequest("lobby", lease))], leases);
            var begun = Stopwatch.GetTimestamp();
            await topic.EndLeases(leases);
            (took, ended) = i < 0 ? default : (took + Stopwatch.GetElapsedTime(begun), ended + leases.Length);
        }

        return ended / took.TotalSeconds;
    }

    private static async Task<double> TrackByClientAsync(Effort effort)
    {
        var metas = Metas(effort);
        await using (var first = await OrleansSilos.StartAsync(1))
        {
            var client = first.ServiceOf<IPresenceClient>(0);
            await OrleansCallRows.WarmAsync(async i =>
            {
                await using var tracked = await client.TrackAsync(
                    People.Topic(i % 100), $"warm {i}", metas[i % metas.Length]);
            });
        }

        await using var silos = await OrleansSilos.StartAsync(1);
        var measured = silos.ServiceOf<IPresenceClient>(0);
        return await OrleansCallRows.CallAsync(
            effort.Tracks, i => measured.TrackAsync(People.Topic(i % 100), People.Key(i), metas[i]));
    }

    private static PresenceMeta[] Metas(Effort effort) =>
        [.. Enumerable.Range(0, effort.Tracks * 2).Select(i => People.Meta(i))];

    /// <summary>Silos with topics, which nobody or one subscriber each follows.</summary>
    private sealed class TrackedTopics(OrleansSilos silos, ITopicPresenceGrain[] topics) : IAsyncDisposable
    {
        private readonly List<ITopicSubscription> _subscriptions = [];
        private int _received;

        public ITopicPresenceGrain[] Topics => topics;

        public static async Task<TrackedTopics> StartAsync(int topics, Receiver receiver, bool diffStreams, int others)
        {
            var silos = await OrleansSilos.StartAsync(1 + others, o => o.TopicStreams = diffStreams);
            var grains = Enumerable.Range(0, topics)
                .Select(i => silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>(People.Topic(i)));
            var started = new TrackedTopics(silos, [.. grains]);
            var client = silos.ServiceOf<IPresenceClient>(0);
            for (var i = 0; receiver != Receiver.None && i < topics; i++)
            {
                started._subscriptions.Add(receiver == Receiver.Observer
                    ? await client.SubscribeAsync(People.Topic(i), started.OnChanges)
                    : await client.SubscribeAsync(People.Topic(i), started.OnChanges, SubscriptionKind.Stream));
            }

            return started;
        }

        /// <summary>Waits until the subscribers, if there are any, have received so many changes.</summary>
        public Task ReceivedAsync(int all) => _subscriptions.Count == 0
            ? Task.CompletedTask
            : Nodes.UntilAsync(() => Volatile.Read(ref _received) == all, "all subscribers received all changes");

        public async ValueTask DisposeAsync()
        {
            foreach (var subscription in _subscriptions)
            {
                await subscription.DisposeAsync();
            }

            await silos.DisposeAsync();
        }

        private ValueTask OnChanges(IReadOnlyList<PresenceChange> changes)
        {
            Interlocked.Add(ref _received, changes.Count);
            return default;
        }
    }
}
