namespace Presence.Grains.Tests.Topics;

[Trait("Category", "Engine.Orleans")]
public class ObserverAndStreamTests
{
    [Fact]
    public async Task An_observer_gets_the_snapshot_and_then_every_change_once_and_in_order()
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

        await observer.Heard.FirstAsync(c => c.Changes.Any(x => x.Kind == PresenceChangeKind.Left && x.Entry.Key == "k199"));
        Assert.Equal(Enumerable.Range(1, observer.Heard.All.Count).Select(i => (long)i), observer.Heard.All.Select(c => c.Sequence));
        Assert.Equal(
            Enumerable.Range(0, 200).SelectMany(i => new[] { $"Joined k{i}", $"Updated k{i}", $"Left k{i}" }),
            observer.Heard.All.SelectMany(c => c.Changes).Select(c => $"{c.Kind} {c.Entry.Key}"));

        var leases = cluster.Client.GetGrain<IPresenceLeaseGrain>(subscription.Silo);
        Assert.True(await leases.RenewSubscription(subscription.Id));
        Assert.True(await lobby.Unsubscribe(subscription));
        Assert.False(await lobby.Unsubscribe(subscription));
        Assert.False(await leases.RenewSubscription(subscription.Id));
    }

    [Fact]
    public async Task An_observer_that_fails_or_is_slow_is_cut_off_and_the_others_hear_on()
    {
        await using var cluster = await GrainCluster.StartAsync(1, o => o.ObserverTimeout = TimeSpan.FromMilliseconds(300));
        var lobby = cluster.Topic("lobby");
        var good = new Observer();
        var failing = new Observer { Answer = Task.FromException(new InvalidOperationException("broken")) };
        var hanging = new TaskCompletionSource();
        var slow = new Observer { Answer = hanging.Task };
        var table = cluster.ServiceOf<ObserverTable>(cluster.Orleans.Silos[0]);
        foreach (var observer in new[] { failing, slow, good })
        {
            await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(observer));
        }

        for (var i = 0; table.CutOff < 2; i++)
        {
            await lobby.Track($"k{i}");
            await good.Heard.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == $"k{i}"));
        }

        Assert.Equal(1, table.Count);
        Assert.Single(failing.Heard.All);
        Assert.Single(slow.Heard.All);
        hanging.SetResult();
    }

    [Fact]
    public async Task An_observer_that_lags_too_far_is_cut_off_and_not_told_half_of_it()
    {
        await using var cluster = await GrainCluster.StartAsync(1, o => o.ObserverBacklog = 10);
        var lobby = cluster.Topic("lobby");
        var stuck = new TaskCompletionSource();
        var observer = new Observer { Answer = stuck.Task };
        var subscription = await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(observer));
        var good = new Observer();
        await lobby.Subscribe(cluster.Client.CreateObjectReference<IPresenceObserver>(good));
        for (var i = 0; i < 30; i++)
        {
            await lobby.Track($"k{i}");
            await good.Heard.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == $"k{i}"));
        }

        Assert.Equal(1, cluster.ServiceOf<ObserverTable>(cluster.Orleans.Silos[0]).CutOff);
        Assert.False(await cluster.Client.GetGrain<IPresenceLeaseGrain>(subscription.Silo).RenewSubscription(subscription.Id));
        stuck.SetResult();
    }

    [Fact]
    public async Task A_stream_subscriber_hears_each_change_once_from_the_home_silo_alone()
    {
        await using var cluster = await GrainCluster.StartAsync(3);
        var heard = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", heard);
        var lobby = cluster.Topic("lobby");
        for (var i = 0; i < 50; i++)
        {
            await lobby.Track($"k{i}");
        }

        await heard.FirstAsync(c => c.Changes.Any(x => x.Entry.Key == "k49"));
        Assert.True(heard.All[0].IsReset);
        Assert.Single(heard.All.Select(c => c.Node).Distinct());
        Assert.Equal(Enumerable.Range(1, heard.All.Count).Select(i => (long)i), heard.All.Select(c => c.Sequence));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"k{i}"), Keys(heard.All));
    }

    [Fact]
    public async Task What_the_home_shows_from_behind_a_gap_is_not_in_the_stream_nor_in_its_lists_until_the_gap_is_filled()
    {
        await using var cluster = await GrainCluster.StartAsync(2);
        var publisher = cluster.PublisherOf("lobby");
        var home = LobbyOn(cluster, publisher);
        var other = LobbyOn(cluster, cluster.Orleans.Silos.Single(s => s != publisher));
        var heard = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", heard);
        cluster.World.KnownUpTo = 1;
        await other.Track("known");
        await other.Track("behind the gap");
        await home.Track("at home");
        await heard.FirstAsync(c => Keys([c]).Contains("at home"));
        Assert.Equal(["known", "at home"], Keys(heard.All));
        Assert.Equal(["at home", "known"], (await home.CatchUp()).Changes.Select(c => c.Entry.Key));
        Assert.Equal(3, await home.Count());

        cluster.World.KnownUpTo = ulong.MaxValue;
        await heard.FirstAsync(c => Keys([c]).Contains("behind the gap"));
        Assert.Equal(["known", "at home", "behind the gap"], Keys(heard.All));
        Assert.Equal(["at home", "behind the gap", "known"], (await home.CatchUp()).Changes.Select(c => c.Entry.Key));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_home_of_a_topic_goes_another_silo_tells_anew_who_is_there(bool presenceGoesToo)
    {
        await using var cluster = await GrainCluster.StartAsync(3);
        var silos = cluster.Orleans.Silos;
        var home = cluster.PublisherOf("lobby");
        var stay = silos.First(s => s != home);
        await cluster.ServiceOf<IGrainFactory>(presenceGoesToo ? home : stay)
            .GetGrain<ITopicPresenceGrain>("lobby")
            .Track("ann");
        var heard = new Awaited<TopicChanges>();
        await cluster.SubscribeAsync("lobby", heard, stay);
        await cluster.Orleans.StopSiloAsync(home);
        var reset = await heard.FirstAsync(c => c.IsReset && c.Node != home.Name);
        Assert.Equal(presenceGoesToo ? [] : ["ann"], reset.Changes.Select(c => c.Entry.Key));
    }

    [Fact]
    public void Few_topics_move_when_a_silo_goes_and_every_silo_has_its_share()
    {
        var silos = Enumerable.Range(1, 5).Select(i => SiloAddress.New(System.Net.IPAddress.Loopback, 11110 + i, 7)).ToList();
        var before = Enumerable.Range(0, 10_000).ToDictionary(i => $"topic {i}", i => TopicHome.Of($"topic {i}", silos)!);
        Assert.All(silos, s => Assert.InRange(before.Values.Count(h => h.Equals(s)), 1_700, 2_300));
        var gone = silos[2];
        silos.RemoveAt(2);
        silos.Reverse();
        Assert.All(before.Where(t => !t.Value.Equals(gone)), t => Assert.Equal(t.Value, TopicHome.Of(t.Key, silos)));
        Assert.Null(TopicHome.Of("topic", []));
    }

    private static ITopicPresenceGrain LobbyOn(GrainCluster cluster, InProcessSiloHandle silo) =>
        cluster.ServiceOf<IGrainFactory>(silo).GetGrain<ITopicPresenceGrain>("lobby");

    private static IEnumerable<string> Keys(IEnumerable<TopicChanges> all) =>
        all.SelectMany(c => c.Changes).Select(c => c.Entry.Key);
}
