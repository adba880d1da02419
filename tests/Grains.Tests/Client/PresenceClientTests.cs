using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Presence.Grains.Leases;

namespace Presence.Grains.Tests.Client;

[Trait("Category", "Orleans")]
public sealed class PresenceClientTests : IAsyncLifetime
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(2);
    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        3,
        o => o.LeaseDuration = Lease,
        o => o.RenewalInterval = TimeSpan.FromMilliseconds(250));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Presence_of_a_client_outlives_its_lease_and_ends_when_disposed()
    {
        var ledger = new Ledger();
        await using var subscription = await _cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        var kept = await _cluster.Client.TrackAsync("lobby", "kept", PresenceMeta.Parse("""{"a":1}"""));
        await _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby").Track("not renewed");
        await ledger.JoinedAsync("not renewed");
        Assert.Equal(LeaveReason.LeaseExpired, (await ledger.LeftAsync("not renewed")).Reason);
        Assert.Equal(["kept"], subscription.Presences.Select(p => p.Key));

        await kept.UpdateAsync(PresenceMeta.Parse("""{"a":2}"""));
        var updated = await ledger.Received.FirstAsync(c => c.Kind == PresenceChangeKind.Updated);
        Assert.Equal(("""{"a":2}""", kept.Handle.Ref), (updated.Entry.Meta.ToString(), updated.Entry.Ref));
        Assert.Equal(updated.LastShown!.First.Sequence, updated.Entry.First.Sequence);

        await kept.DisposeAsync();
        Assert.Equal(LeaveReason.SessionEnded, (await ledger.LeftAsync("kept")).Reason);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => kept.UpdateAsync(PresenceMeta.Empty));
        ledger.AssertConsistent();
    }

    [Fact]
    public async Task Presence_whose_silo_stops_is_tracked_again_on_another()
    {
        var ledger = new Ledger();
        await using var subscription = await _cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        await using var mine = await _cluster.Client.TrackAsync("lobby", "mine", PresenceMeta.Parse("""{"a":1}"""));
        var first = (await ledger.JoinedAsync("mine")).Entry;
        await _cluster.Orleans.StopSiloAsync(_cluster.SiloAt(mine.Handle.Silo));

        var again = await ledger.Received.FirstAsync(
            c => c.Kind == PresenceChangeKind.Joined && c.Entry.Owner.Node != first.Owner.Node);
        Assert.Equal(("mine", """{"a":1}"""), (again.Entry.Key, again.Entry.Meta.ToString()));
        await ledger.Received.FirstAsync(
            c => c.Kind == PresenceChangeKind.Left && c.Entry.Owner.Node == first.Owner.Node);
        Assert.Equal(again.Entry.Owner.Node, Assert.Single(subscription.Presences).Owner.Node);
        ledger.AssertConsistent();
        ledger.AssertNobodyCameBack();
    }

    [Fact]
    public async Task Presence_whose_lease_expired_is_tracked_again_and_at_once_by_an_update()
    {
        var ledger = new Ledger();
        await using var subscription = await _cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        await using var mine = await _cluster.Client.TrackAsync("lobby", "mine");
        var first = mine.Handle;
        var leases = _cluster.Orleans.Client.GetGrain<IPresenceSiloGrain>(first.Silo);
        Assert.True(await leases.End(first.Lease));
        await ledger.LeftAsync("mine");
        // The join may arrive before its caller has the response with the handle.
        await Harness.TestTimeouts.UntilAsync(
            "it is tracked again",
            TimeSpan.FromSeconds(60),
            () => mine.Handle != first
                && ledger.Received.All.Any(
                    c => c.Kind == PresenceChangeKind.Joined && c.Entry.Ref == mine.Handle.Ref));

        var second = mine.Handle;
        Assert.True(await _cluster.Orleans.Client.GetGrain<IPresenceSiloGrain>(second.Silo).End(second.Lease));
        await mine.UpdateAsync(PresenceMeta.Parse("""{"new":true}"""));
        await ledger.Received.FirstAsync(c => c.Entry.Meta.ToString() == """{"new":true}""");
        Assert.NotEqual(first.Lease, mine.Handle.Lease);
        ledger.AssertConsistent();
    }

    [Fact]
    public async Task Many_presences_are_tracked_all_or_none_and_each_ends_alone()
    {
        var tracked = await _cluster.Client.TrackManyAsync(
            [new("lobby", "ann", PresenceMeta.Parse("""{"a":1}""")), new("lobby", "ann"), new("hall", "bob")]);
        var silo = _cluster.SiloAt(Assert.Single(tracked.Select(t => t.Handle.Silo).Distinct()));
        var metas = _cluster.TrackerOf(silo).GetByKey("lobby", "ann").Select(e => e.Meta.ToString());
        Assert.Equal(["{}", """{"a":1}"""], metas.OrderBy(meta => meta.Length));
        await tracked[0].UpdateAsync(PresenceMeta.Parse("""{"a":2}"""));
        await tracked[1].DisposeAsync();
        Assert.Equal("""{"a":2}""", Assert.Single(_cluster.TrackerOf(silo).List("lobby")).Meta.ToString());

        var leases = _cluster.ServiceOf<LeaseRegistry>(silo);
        Assert.Equal(2, leases.Count);
        await Assert.ThrowsAsync<PresenceLimitException>(
            () => _cluster.Client.TrackManyAsync([new("lobby", "eve"), new("lobby", "")]));
        var grain = _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("any");
        var one = new TrackRequest("lobby", "eve");
        await Assert.ThrowsAsync<ArgumentException>(() => grain.TrackMany([one, one], ["new", "new"]));
        await Assert.ThrowsAsync<ArgumentException>(() => grain.TrackMany([one, one], ["new"]));
        Assert.All(_cluster.Silos, s => Assert.Empty(_cluster.TrackerOf(s).TopicsOf("eve")));
        Assert.Equal(2, leases.Count);
    }

    [Fact]
    public async Task Exceeded_limits_throw_and_leave_nothing_behind()
    {
        await Assert.ThrowsAsync<PresenceLimitException>(() => _cluster.Client.TrackAsync("lobby", ""));
        await Assert.ThrowsAsync<PresenceLimitException>(() => _cluster.Client.TrackAsync(new string('t', 256), "ann"));
        Assert.All(_cluster.Silos, s => Assert.Equal(0, _cluster.ServiceOf<LeaseRegistry>(s).Count));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Subscription_delivers_each_change_once_while_its_silo_is_stopped(bool byStream)
    {
        var ledger = new Ledger();
        await using var subscription = byStream
            ? await _cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync, SubscriptionKind.Stream)
            : await _cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        var grain = _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");
        var source = byStream
            ? _cluster.SiloAt((await grain.GetStreamPosition()).Silo)
            : _cluster.Silos.Single(s => _cluster.ServiceOf<ObserverRegistry>(s).Count == 1);
        var stay = _cluster.Silos.First(s => s != source);
        var node = _cluster.ServiceOf<IPresenceNode>(stay);
        using var session = node.OpenSession();
        for (var i = 0; i < 60; i++)
        {
            if (i == 20)
            {
                await ledger.JoinedAsync("k19");
                await _cluster.Orleans.StopSiloAsync(source);
            }

            await node.Tracker.TrackAsync(session, "lobby", $"k{i}");
            await node.Tracker.UntrackAsync(session, "lobby", $"k{i - 30}");
        }

        var last = Enumerable.Range(30, 30).Select(i => $"k{i}").ToList();
        await ledger.Received.FirstAsync(_ => subscription.Presences.Select(p => p.Key).SequenceEqual(last));
        ledger.AssertConsistent();
        ledger.AssertNobodyCameBack();
        Assert.Equal(
            Enumerable.Range(0, 20).Select(i => $"k{i}"),
            ledger.Received.All.Where(c => c.Kind == PresenceChangeKind.Joined).Take(20).Select(c => c.Entry.Key));
    }

    [Fact]
    public async Task Presences_and_subscriptions_end_when_their_client_stops()
    {
        var ledger = new Ledger();
        var here = _cluster.ServiceOf<IPresenceClient>(_cluster.Silos[0]);
        await using var subscription = await here.SubscribeAsync("lobby", ledger.HandleAsync);
        await _cluster.Client.TrackAsync("lobby", "mine");
        var theirs = await _cluster.Client.SubscribeAsync("lobby", _ => default);
        await ledger.JoinedAsync("mine");

        await _cluster.Orleans.StopClusterClientAsync();
        Assert.Equal(LeaveReason.SessionEnded, (await ledger.LeftAsync("mine")).Reason);
        Assert.Equal(1, _cluster.Silos.Sum(s => _cluster.ServiceOf<ObserverRegistry>(s).Count));
        await theirs.DisposeAsync();
    }

    [Fact]
    public async Task Handler_that_throws_receives_the_next_changes_and_may_end_its_own_subscription()
    {
        var received = new Awaited<string>();
        ITopicSubscription? subscription = null;
        subscription = await _cluster.Client.SubscribeAsync("lobby", async changes =>
        {
            received.Add(changes[0].Entry.Key);
            if (changes[0].Entry.Key == "second")
            {
                await subscription!.DisposeAsync();
                received.Add("ended");
            }

            throw new InvalidOperationException("broken");
        });
        await using var first = await _cluster.Client.TrackAsync("lobby", "first");
        await received.FirstAsync(t => t == "first");
        await using var second = await _cluster.Client.TrackAsync("lobby", "second");
        await received.FirstAsync(t => t == "ended");
    }
}
