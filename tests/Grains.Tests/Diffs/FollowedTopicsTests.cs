namespace Presence.Grains.Tests.Diffs;

/// <summary>Followed topics: pumps exist only for them, and every node knows them.</summary>
[Trait("Category", "Orleans")]
public sealed class FollowedTopicsTests : IAsyncLifetime
{
    private const int MaxFollowed = 2;
    private readonly HandledBatches _handled = new();
    private readonly Client.CallFaults _faults = new();
    private GrainCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await GrainCluster.StartAsync(
        2,
        o => o.MaxFollowedTopics = MaxFollowed,
        silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(_handled)
            .AddSingleton<IIncomingGrainCallFilter>(_faults));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Topic_has_one_pump_for_any_number_of_observers_and_none_without_followers()
    {
        var lobby = _cluster.Topic("lobby");
        await lobby.Track("ann");
        Assert.All(_cluster.Orleans.Silos, s => Assert.Equal(0, PumpsOf(s).Count));
        Assert.Equal(0, _handled.Count);

        var observers = Enumerable.Range(0, 50).Select(_ => new Observer()).ToList();
        var subscriptions = new List<PresenceSubscription>();
        foreach (var observer in observers)
        {
            subscriptions.Add(
                await lobby.Subscribe(_cluster.Client.CreateObjectReference<IPresenceObserver>(observer)));
        }

        await lobby.Track("bob");
        foreach (var observer in observers)
        {
            await observer.Received.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "bob"));
        }

        var silos = subscriptions.Select(s => s.Silo).Distinct().Count();
        Assert.Equal(silos, _cluster.Orleans.Silos.Sum(s => PumpsOf(s).Count));
        Assert.Equal(silos, _handled.Count);

        foreach (var subscription in subscriptions)
        {
            await lobby.Unsubscribe(subscription);
        }

        Assert.All(_cluster.Orleans.Silos, s => Assert.Equal(0, PumpsOf(s).Count));
    }

    [Fact]
    public async Task Followed_topic_is_known_to_every_node_and_ends_two_sweeps_after_its_last_subscriber()
    {
        var handle = await _cluster.SubscribeAsync("lobby", new Awaited<TopicChanges>());
        foreach (var silo in _cluster.Orleans.Silos)
        {
            await UntilAsync(() => FollowedOn(silo).Contains("lobby"));
        }

        var publisher = _cluster.PublisherOf("lobby");
        await SweepAsync(publisher, 3);
        Assert.Equal(1, PumpsOf(publisher).Count);

        await handle.UnsubscribeAsync();
        await SweepAsync(publisher, 1);
        Assert.Equal(1, PumpsOf(publisher).Count);
        await SweepAsync(publisher, 1);
        Assert.Equal(0, PumpsOf(publisher).Count);
        foreach (var silo in _cluster.Orleans.Silos)
        {
            await UntilAsync(() => !FollowedOn(silo).Contains("lobby"));
        }
    }

    [Fact]
    public void Node_receives_one_call_at_a_time_and_of_each_topic_the_last_word()
    {
        var calls = new List<(string Topics, bool AreFollowed, TaskCompletionSource Answer)>();
        var sender = new FollowedTopicsSender((topics, areFollowed) =>
        {
            var answer = new TaskCompletionSource();
            calls.Add((string.Join(',', topics.Order()), areFollowed, answer));
            return answer.Task;
        });
        sender.Send([], true);
        sender.Send(["a", "b"], true);
        sender.Send(["a"], false);
        sender.Send(["c", "d"], true);
        sender.Send(["c"], false);
        Assert.Single(calls);
        calls[0].Answer.SetResult();
        Assert.Equal(("a,c", false), (calls[1].Topics, calls[1].AreFollowed));
        calls[1].Answer.SetResult();
        Assert.Equal(("d", true), (calls[2].Topics, calls[2].AreFollowed));
        calls[2].Answer.SetResult();
        Assert.Equal(3, calls.Count);
        sender.Send(["a"], true);
        Assert.Equal(("a", true), (calls[3].Topics, calls[3].AreFollowed));
    }

    [Fact]
    public async Task Topic_whose_end_was_lost_is_forgotten_after_some_sweeps()
    {
        var handle = await _cluster.SubscribeAsync("lobby", new Awaited<TopicChanges>());
        var publisher = _cluster.PublisherOf("lobby");
        var other = _cluster.Orleans.Silos.Single(s => s != publisher);
        await UntilAsync(() => FollowedOn(other).Contains("lobby"));
        await SweepAsync(other, 3);
        Assert.Contains("lobby", FollowedOn(other));
        await handle.UnsubscribeAsync();
        var rejected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _faults.FailsWith = call =>
        {
            if (call.MethodName != "RemoveFollowed")
            {
                return null;
            }

            rejected.TrySetResult();
            return new TimeoutException("lost");
        };
        await SweepAsync(publisher, 3);
        await rejected.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await SweepAsync(other, 4);
        Assert.Empty(FollowedOn(other));
    }

    [Fact]
    public async Task Joining_silo_resets_only_topics_that_move_to_it()
    {
        var received = new Awaited<TopicChanges>();
        await _cluster.SubscribeAsync("lobby", received);
        await received.FirstAsync(c => c.IsReset);
        var before = _cluster.PublisherOf("lobby");
        var joined = await _cluster.Orleans.StartAdditionalSiloAsync();
        await UntilAsync(() => FollowedOn(joined).Contains("lobby"));
        var resets = _cluster.PublisherOf("lobby") == before ? 1 : 2;
        await UntilAsync(() => received.All.Count(c => c.IsReset) >= resets);
        await _cluster.Topic("lobby").Track("ann");
        await received.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "ann"));
        Assert.Equal(resets, received.All.Count(c => c.IsReset));
    }

    [Fact]
    public async Task Excess_followed_topics_are_rejected_and_the_others_continue()
    {
        var received = new Awaited<TopicChanges>();
        await _cluster.SubscribeAsync("topic 0", received);
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
        Assert.All(_cluster.Orleans.Silos, s => Assert.Null(PublisherAt(s).FindPosition("one more")));
        Assert.Single(_cluster.Orleans.Silos, s => PublisherAt(s).FindPosition("topic 0") is not null);
        await _cluster.Topic("topic 0").Track("ann");
        await received.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "ann"));
    }

    private static Task<TimeSpan> UntilAsync(Func<bool> condition) =>
        TestTimeouts.UntilAsync("topics are exchanged", TimeSpan.FromSeconds(60), condition);

    private TopicChangePumps PumpsOf(InProcessSiloHandle silo) => _cluster.ServiceOf<TopicChangePumps>(silo);

    private TopicStreamPublisher PublisherAt(InProcessSiloHandle silo) =>
        _cluster.ServiceOf<TopicStreamPublisher>(silo);

    private IReadOnlyList<string> FollowedOn(InProcessSiloHandle silo) => PublisherAt(silo).Followed();

    private async Task SweepAsync(InProcessSiloHandle silo, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await PublisherAt(silo).SweepAsync();
        }
    }

    /// <summary>Counts the batches that the grains handle.</summary>
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
