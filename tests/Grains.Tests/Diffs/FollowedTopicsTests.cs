namespace Presence.Grains.Tests.Diffs;

/// <summary>A topic costs what its followers cost, and every node knows which topics are followed.</summary>
[Trait("Category", "Engine.Orleans")]
public sealed class FollowedTopicsTests : IAsyncLifetime
{
    private const int MaxFollowed = 2;
    private readonly HandledBatches _handled = new();
    private GrainCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await GrainCluster.StartAsync(
        2,
        o => o.MaxFollowedTopics = MaxFollowed,
        silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(_handled));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task A_topic_that_nobody_follows_has_no_feed_and_one_with_observers_has_one_whatever_their_number()
    {
        var lobby = _cluster.Topic("lobby");
        await lobby.Track("ann");
        Assert.All(_cluster.Orleans.Silos, s => Assert.Equal(0, FeedsOf(s).Count));
        Assert.Equal(0, _handled.Count);

        var observers = Enumerable.Range(0, 50).Select(_ => new Observer()).ToList();
        var subscriptions = new List<PresenceSubscription>();
        foreach (var observer in observers)
        {
            subscriptions.Add(await lobby.Subscribe(_cluster.Client.CreateObjectReference<IPresenceObserver>(observer)));
        }

        await lobby.Track("bob");
        foreach (var observer in observers)
        {
            await observer.Heard.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "bob"));
        }

        var silos = subscriptions.Select(s => s.Silo).Distinct().Count();
        Assert.Equal(silos, _cluster.Orleans.Silos.Sum(s => FeedsOf(s).Count));
        Assert.Equal(silos, _handled.Count);

        foreach (var subscription in subscriptions)
        {
            await lobby.Unsubscribe(subscription);
        }

        Assert.All(_cluster.Orleans.Silos, s => Assert.Equal(0, FeedsOf(s).Count));
    }

    [Fact]
    public async Task Every_node_knows_a_followed_topic_and_it_ends_two_sweeps_after_its_last_subscriber()
    {
        var handle = await _cluster.SubscribeAsync("lobby", new Awaited<TopicChanges>());
        foreach (var silo in _cluster.Orleans.Silos)
        {
            await UntilAsync(() => FollowedOn(silo).Contains("lobby"));
        }

        var publisher = _cluster.PublisherOf("lobby");
        await SweepAsync(publisher, 3);
        Assert.Equal(1, FeedsOf(publisher).Count);

        await handle.UnsubscribeAsync();
        await SweepAsync(publisher, 1);
        Assert.Equal(1, FeedsOf(publisher).Count);
        await SweepAsync(publisher, 1);
        Assert.Equal(0, FeedsOf(publisher).Count);
        foreach (var silo in _cluster.Orleans.Silos)
        {
            await UntilAsync(() => !FollowedOn(silo).Contains("lobby"));
        }
    }

    [Fact]
    public async Task A_silo_that_joins_makes_only_topics_that_move_to_it_begin_again()
    {
        var heard = new Awaited<TopicChanges>();
        await _cluster.SubscribeAsync("lobby", heard);
        await heard.FirstAsync(c => c.IsReset);
        var before = _cluster.PublisherOf("lobby");
        var joined = await _cluster.Orleans.StartAdditionalSiloAsync();
        await UntilAsync(() => FollowedOn(joined).Contains("lobby"));
        await _cluster.Topic("lobby").Track("ann");
        await heard.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "ann"));
        var moved = _cluster.PublisherOf("lobby") != before;
        Assert.Equal(moved ? 2 : 1, heard.All.Count(c => c.IsReset));
    }

    [Fact]
    public async Task More_followed_topics_than_may_be_are_rejected_and_the_others_go_on()
    {
        var heard = new Awaited<TopicChanges>();
        await _cluster.SubscribeAsync("topic 0", heard);
        for (var i = 1; i < MaxFollowed; i++)
        {
            await _cluster.SubscribeAsync($"topic {i}");
        }

        foreach (var silo in _cluster.Orleans.Silos)
        {
            await UntilAsync(() => FollowedOn(silo).Count == MaxFollowed);
        }

        var e = await Assert.ThrowsAsync<PresenceOverloadException>(() => _cluster.SubscribeAsync("one more"));
        Assert.Contains("MaxFollowedTopics", e.Message, StringComparison.Ordinal);
        await _cluster.Topic("topic 0").Track("ann");
        await heard.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "ann"));
    }

    private static Task<TimeSpan> UntilAsync(Func<bool> condition) =>
        Patience.UntilAsync("it is known", TimeSpan.FromSeconds(60), condition);

    private TopicFeeds FeedsOf(InProcessSiloHandle silo) => _cluster.ServiceOf<TopicFeeds>(silo);

    private IReadOnlyList<string> FollowedOn(InProcessSiloHandle silo) => _cluster.ServiceOf<DiffStreams>(silo).Followed();

    private async Task SweepAsync(InProcessSiloHandle silo, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await _cluster.ServiceOf<DiffStreams>(silo).SweepAsync();
        }
    }

    /// <summary>Counts the batches that the grains fan out.</summary>
    private sealed class HandledBatches : IIncomingGrainCallFilter
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public Task Invoke(IIncomingGrainCallContext context)
        {
            if (context.Grain is HandleDiffGrain)
            {
                Interlocked.Increment(ref _count);
            }

            return context.Invoke();
        }
    }
}
