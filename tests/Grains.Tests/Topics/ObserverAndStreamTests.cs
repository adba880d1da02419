namespace Presence.Grains.Tests.Topics;

[Trait("Category", "Orleans")]
public class ObserverAndStreamTests
{
    [Fact]
    public async Task Observer_receives_the_snapshot_and_then_every_change_once_and_in_order()
    {
        await using var cluster = await GrainCluster.StartAsync(2);
        var lobby = cluster.Topic("lobby");
        await lobby.Track("before");
        var observer = new Observer();
        var subscription = await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(observer));
        Assert.Equal(["before"], subscription.Snapshot.Presences.Select(p => p.Key));

        for (var i = 0; i < 200; i++)
        {
            var handle = await lobby.Track($"k{i}");
            await lobby.Update(handle, PresenceMeta.Parse($$"""{"i":{{i}}}"""));
            await lobby.Untrack(handle);
        }

        await observer.Received.FirstAsync(
            c => c.Changes.Any(x => x.Kind == PresenceChangeKind.Left && x.Entry.Key == "k199"));
        Assert.Equal(
            Enumerable.Range(1, observer.Received.All.Count).Select(i => (long)i),
            observer.Received.All.Select(c => c.Sequence));
        Assert.Equal(
            Enumerable.Range(0, 200).SelectMany(i => new[] { $"Joined k{i}", $"Updated k{i}", $"Left k{i}" }),
            observer.Received.All.SelectMany(c => c.Changes).Select(c => $"{c.Kind} {c.Entry.Key}"));

        var leases = cluster.Client.GetGrain<IPresenceSiloGrain>(subscription.Silo);
        Assert.True(await leases.RenewSubscription(subscription.Id));
        Assert.True(await lobby.Unsubscribe(subscription));
        Assert.False(await lobby.Unsubscribe(subscription));
        Assert.False(await leases.RenewSubscription(subscription.Id));
    }

    [Fact]
    public async Task Observer_and_stream_mark_the_first_device_of_a_key_and_the_last()
    {
        await using var cluster = await GrainCluster.StartAsync(2);
        var lobby = cluster.Topic("lobby");
        await lobby.Track("before");
        var observer = new Observer();
        await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(observer));
        var received = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", received);
        var devices = new[] { await lobby.Track("ann"), await lobby.Track("ann"), await lobby.Track("before") };
        foreach (var device in devices)
        {
            await lobby.Untrack(device);
        }

        await lobby.Track("end");
        string[] expected = ["+ann!", "+ann", "+before", "-ann", "-ann!", "-before", "+end!"];
        foreach (var source in (Awaited<TopicChanges>[])[observer.Received, received])
        {
            await source.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "end"));
            var changes = source.All.SelectMany(c => c.Changes).ToList();
            var texts = changes.Select(c =>
                $"{(c.Kind == PresenceChangeKind.Left ? '-' : '+')}{c.Entry.Key}{(c.ChangesKey ? "!" : "")}");
            Assert.Equal(expected, texts.Where(text => text != "+before!"));
        }

        Assert.True(Assert.Single(received.All[0].Changes).IsFirst);
    }

    [Fact]
    public async Task Observer_that_fails_or_is_slow_is_cut_off_and_the_others_continue()
    {
        await using var cluster = await GrainCluster.StartAsync(
            1, o => o.ObserverTimeout = TimeSpan.FromMilliseconds(300));
        var lobby = cluster.Topic("lobby");
        var good = new Observer();
        var failing = new Observer { Answer = Task.FromException(new InvalidOperationException("broken")) };
        var hanging = new TaskCompletionSource();
        var slow = new Observer { Answer = hanging.Task };
        var table = cluster.ServiceOf<ObserverRegistry>(cluster.Orleans.Silos[0]);
        foreach (var observer in new[] { failing, slow, good })
        {
            await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(observer));
        }

        for (var i = 0; table.CutOff < 2; i++)
        {
            await lobby.Track($"k{i}");
            await good.Received.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == $"k{i}"));
        }

        Assert.Equal(1, table.Count);
        Assert.Single(failing.Received.All);
        Assert.Single(slow.Received.All);
        hanging.SetResult();
    }

    [Fact]
    public async Task Observer_that_lags_too_far_is_cut_off_without_partial_changes()
    {
        await using var cluster = await GrainCluster.StartAsync(1, o => o.ObserverQueueCapacity = 10);
        var lobby = cluster.Topic("lobby");
        var stuck = new TaskCompletionSource();
        var observer = new Observer { Answer = stuck.Task };
        var subscription = await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(observer));
        var good = new Observer();
        await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(good));
        for (var i = 0; i < 30; i++)
        {
            await lobby.Track($"k{i}");
            await good.Received.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == $"k{i}"));
        }

        Assert.Equal(1, cluster.ServiceOf<ObserverRegistry>(cluster.Orleans.Silos[0]).CutOff);
        Assert.False(
            await cluster.Client.GetGrain<IPresenceSiloGrain>(subscription.Silo).RenewSubscription(subscription.Id));
        stuck.SetResult();
    }

    [Fact]
    public async Task Stream_subscriber_receives_each_change_once_from_the_publisher_silo_alone()
    {
        await using var cluster = await GrainCluster.StartAsync(3);
        var received = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", received);
        var lobby = cluster.Topic("lobby");
        for (var i = 0; i < 50; i++)
        {
            await lobby.Track($"k{i}");
        }

        await received.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "k49"));
        Assert.True(received.All[0].IsReset);
        Assert.Single(received.All.Select(c => c.Node).Distinct());
        Assert.Equal(
            Enumerable.Range(1, received.All.Count).Select(i => (long)i), received.All.Select(c => c.Sequence));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"k{i}"), Keys(received.All));
    }

    [Fact]
    public async Task Changes_behind_a_gap_are_missing_from_the_stream_and_its_snapshots_until_the_gap_is_filled()
    {
        await using var cluster = await GrainCluster.StartAsync(2);
        var publisher = cluster.PublisherOf("lobby");
        var local = LobbyOn(cluster, publisher);
        var other = LobbyOn(cluster, cluster.Orleans.Silos.Single(s => s != publisher));
        var received = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", received);
        cluster.World.KnownUpTo = 1;
        await other.Track("known");
        await other.Track("behind the gap");
        await local.Track("at publisher");
        await received.FirstAsync(c => Keys([c]).Contains("at publisher"));
        Assert.Equal(["known", "at publisher"], Keys(received.All));
        Assert.Equal(["at publisher", "known"], (await local.GetSnapshot()).Changes.Select(c => c.Entry.Key));
        Assert.Equal(3, await local.Count());

        cluster.World.KnownUpTo = ulong.MaxValue;
        await received.FirstAsync(c => Keys([c]).Contains("behind the gap"));
        Assert.Equal(["known", "at publisher", "behind the gap"], Keys(received.All));
        Assert.Equal(
            ["at publisher", "behind the gap", "known"], (await local.GetSnapshot()).Changes.Select(c => c.Entry.Key));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task New_publisher_silo_sends_a_reset_when_the_previous_one_ends(bool presenceGoesToo)
    {
        await using var cluster = await GrainCluster.StartAsync(3);
        var silos = cluster.Orleans.Silos;
        var publisher = cluster.PublisherOf("lobby");
        var stay = silos.First(s => s != publisher);
        await cluster.ServiceOf<IGrainFactory>(presenceGoesToo ? publisher : stay)
            .GetGrain<ITopicPresenceGrain>("lobby")
            .Track("ann");
        var received = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", received, stay);
        await cluster.Orleans.StopSiloAsync(publisher);
        var reset = await received.FirstAsync(c => c.IsReset && c.Node != publisher.Name);
        Assert.Equal(presenceGoesToo ? [] : ["ann"], reset.Changes.Select(c => c.Entry.Key));
    }

    [Fact]
    public void Few_topics_move_when_a_silo_ends_and_every_silo_has_its_share()
    {
        var silos = Enumerable.Range(1, 5).Select(i => SiloAddress.New(System.Net.IPAddress.Loopback, 11110 + i, 7))
            .ToList();
        var before = Enumerable.Range(0, 10_000)
            .ToDictionary(i => $"topic {i}", i => PublisherSilo.Of($"topic {i}", silos)!);
        Assert.All(silos, s => Assert.InRange(before.Values.Count(h => h.Equals(s)), 1_700, 2_300));
        var gone = silos[2];
        silos.RemoveAt(2);
        silos.Reverse();
        Assert.All(
            before.Where(t => !t.Value.Equals(gone)), t => Assert.Equal(t.Value, PublisherSilo.Of(t.Key, silos)));
        Assert.Null(PublisherSilo.Of("topic", []));
    }

    private static ITopicPresenceGrain LobbyOn(GrainCluster cluster, InProcessSiloHandle silo) =>
        cluster.ServiceOf<IGrainFactory>(silo).GetGrain<ITopicPresenceGrain>("lobby");

    private static IEnumerable<string> Keys(IEnumerable<TopicChanges> all) =>
        all.SelectMany(c => c.Changes).Select(c => c.Entry.Key);
}
