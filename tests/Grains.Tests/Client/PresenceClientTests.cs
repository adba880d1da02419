using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Presence.Grains.Diffs;
using Presence.Grains.Tests.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

[Trait("Category", "Engine.Orleans")]
public sealed class PresenceClientTests : IAsyncLifetime
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(2);
    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        3,
        o => o.LeaseDuration = Lease,
        o => o.CheckPeriod = TimeSpan.FromMilliseconds(250));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task What_a_client_tracks_outlives_its_lease_and_ends_when_it_is_disposed_of()
    {
        var ledger = new Ledger();
        await using var watch = await _cluster.Client.WatchAsync("lobby", ledger.TakeAsync);
        var kept = await _cluster.Client.TrackAsync("lobby", "kept", PresenceMeta.Parse("""{"a":1}"""));
        await _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby").Track("not renewed");
        await ledger.JoinedAsync("not renewed");
        await ledger.LeftAsync("not renewed");
        Assert.Equal(["kept"], watch.Presences.Select(p => p.Key));

        await kept.UpdateAsync(PresenceMeta.Parse("""{"a":2}"""));
        var updated = await ledger.Told.FirstAsync(c => c.Kind == PresenceChangeKind.Updated);
        Assert.Equal(("""{"a":2}""", kept.Handle.Ref), (updated.Entry.Meta.ToString(), updated.Entry.Ref));
        Assert.Equal(updated.LastShown!.First.Sequence, updated.Entry.First.Sequence);

        await kept.DisposeAsync();
        Assert.Equal(LeaveReason.ProcessEnded, (await ledger.LeftAsync("kept")).Reason);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => kept.UpdateAsync(PresenceMeta.Empty));
        ledger.AssertTrue();
    }

    [Fact]
    public async Task A_presence_whose_silo_stops_is_tracked_again_on_another()
    {
        var ledger = new Ledger();
        await using var watch = await _cluster.Client.WatchAsync("lobby", ledger.TakeAsync);
        await using var mine = await _cluster.Client.TrackAsync("lobby", "mine", PresenceMeta.Parse("""{"a":1}"""));
        var first = (await ledger.JoinedAsync("mine")).Entry;
        await _cluster.Orleans.StopSiloAsync(_cluster.SiloAt(mine.Handle.Silo));

        var again = await ledger.Told.FirstAsync(c => c.Kind == PresenceChangeKind.Joined && c.Entry.Owner.Node != first.Owner.Node);
        Assert.Equal(("mine", """{"a":1}"""), (again.Entry.Key, again.Entry.Meta.ToString()));
        await ledger.Told.FirstAsync(c => c.Kind == PresenceChangeKind.Left && c.Entry.Owner.Node == first.Owner.Node);
        Assert.Equal(again.Entry.Owner.Node, Assert.Single(watch.Presences).Owner.Node);
        ledger.AssertTrue();
        ledger.AssertNobodyCameBack();
    }

    [Fact]
    public async Task A_presence_whose_lease_was_lost_is_tracked_again_and_an_update_does_it_at_once()
    {
        var ledger = new Ledger();
        await using var watch = await _cluster.Client.WatchAsync("lobby", ledger.TakeAsync);
        await using var mine = await _cluster.Client.TrackAsync("lobby", "mine");
        var first = mine.Handle;
        var leases = _cluster.Orleans.Client.GetGrain<IPresenceLeaseGrain>(first.Silo);
        Assert.True(await leases.End(first.Lease));
        await ledger.LeftAsync("mine");
        // The join may be told before its caller has the answer, and with it the handle.
        await Harness.Patience.UntilAsync(
            "it is tracked again",
            TimeSpan.FromSeconds(60),
            () => mine.Handle != first && ledger.Told.All.Any(c => c.Kind == PresenceChangeKind.Joined && c.Entry.Ref == mine.Handle.Ref));

        var second = mine.Handle;
        Assert.True(await _cluster.Orleans.Client.GetGrain<IPresenceLeaseGrain>(second.Silo).End(second.Lease));
        await mine.UpdateAsync(PresenceMeta.Parse("""{"new":true}"""));
        await ledger.Told.FirstAsync(c => c.Entry.Meta.ToString() == """{"new":true}""");
        Assert.NotEqual(first.Lease, mine.Handle.Lease);
        ledger.AssertTrue();
    }

    [Fact]
    public async Task Limits_are_the_callers_business_and_leave_nothing_behind()
    {
        await Assert.ThrowsAsync<PresenceLimitException>(() => _cluster.Client.TrackAsync("lobby", ""));
        await Assert.ThrowsAsync<PresenceLimitException>(() => _cluster.Client.TrackAsync(new string('t', 256), "ann"));
        Assert.All(_cluster.Silos, s => Assert.Equal(0, _cluster.ServiceOf<Leases.LeaseTable>(s).Count));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_watch_tells_each_change_once_though_its_silo_is_stopped(bool byStream)
    {
        var ledger = new Ledger();
        await using var watch = byStream
            ? await _cluster.Client.FollowAsync("lobby", ledger.TakeAsync)
            : await _cluster.Client.WatchAsync("lobby", ledger.TakeAsync);
        var grain = _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");
        var source = byStream
            ? _cluster.SiloAt((await grain.Position()).Silo)
            : _cluster.Silos.Single(s => _cluster.ServiceOf<ObserverTable>(s).Count == 1);
        var stay = _cluster.Silos.First(s => s != source);
        var node = _cluster.ServiceOf<IPresenceNode>(stay);
        using var process = node.StartProcess();
        for (var i = 0; i < 60; i++)
        {
            if (i == 20)
            {
                await ledger.JoinedAsync("k19");
                await _cluster.Orleans.StopSiloAsync(source);
            }

            await node.Tracker.TrackAsync(process, "lobby", $"k{i}");
            await node.Tracker.UntrackAsync(process, "lobby", $"k{i - 30}");
        }

        var last = Enumerable.Range(30, 30).Select(i => $"k{i}").ToList();
        await ledger.Told.FirstAsync(_ => watch.Presences.Select(p => p.Key).SequenceEqual(last));
        ledger.AssertTrue();
        ledger.AssertNobodyCameBack();
        Assert.Equal(
            Enumerable.Range(0, 20).Select(i => $"k{i}"),
            ledger.Told.All.Where(c => c.Kind == PresenceChangeKind.Joined).Take(20).Select(c => c.Entry.Key));
    }

    [Fact]
    public async Task A_client_that_stops_takes_its_presences_and_watches_with_it()
    {
        var ledger = new Ledger();
        var here = _cluster.ServiceOf<IPresenceClient>(_cluster.Silos[0]);
        await using var watch = await here.WatchAsync("lobby", ledger.TakeAsync);
        await _cluster.Client.TrackAsync("lobby", "mine");
        var theirs = await _cluster.Client.WatchAsync("lobby", _ => default);
        await ledger.JoinedAsync("mine");

        await _cluster.Orleans.StopClusterClientAsync();
        Assert.Equal(LeaveReason.ProcessEnded, (await ledger.LeftAsync("mine")).Reason);
        Assert.Equal(1, _cluster.Silos.Sum(s => _cluster.ServiceOf<ObserverTable>(s).Count));
        await theirs.DisposeAsync();
    }

    [Fact]
    public async Task A_handler_that_throws_is_told_what_comes_next_and_may_end_its_own_watch()
    {
        var told = new Awaited<string>();
        ITopicWatch? watch = null;
        watch = await _cluster.Client.WatchAsync("lobby", async changes =>
        {
            told.Add(changes[0].Entry.Key);
            if (changes[0].Entry.Key == "second")
            {
                await watch!.DisposeAsync();
                told.Add("ended");
            }

            throw new InvalidOperationException("broken");
        });
        await using var first = await _cluster.Client.TrackAsync("lobby", "first");
        await told.FirstAsync(t => t == "first");
        await using var second = await _cluster.Client.TrackAsync("lobby", "second");
        await told.FirstAsync(t => t == "ended");
    }
}
