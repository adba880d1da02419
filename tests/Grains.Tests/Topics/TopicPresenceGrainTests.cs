using Presence.Grains.Client;

namespace Presence.Grains.Tests.Topics;

[Trait("Category", "Orleans")]
public sealed class TopicPresenceGrainTests : IAsyncLifetime
{
    private GrainCluster _cluster = null!;

    public async Task InitializeAsync() =>
        _cluster = await GrainCluster.StartAsync(2, o => o.LeaseDuration = TimeSpan.FromSeconds(3));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Every_read_reflects_track_update_and_untrack_of_a_client()
    {
        var lobby = _cluster.Topic("lobby");
        var handle = await lobby.Track("ann", PresenceMeta.Parse("""{"mood":"😀"}"""));
        Assert.Equal(("lobby", "ann"), (handle.Topic, handle.Key));
        Assert.Equal(1, await lobby.Count());
        Assert.Equal(1, await lobby.KeyCount());
        var shown = Assert.Single(await lobby.GetByKey("ann"));
        Assert.Equal(handle.Ref, shown.Ref);
        Assert.Equal("""{"mood":"😀"}""", shown.Meta.ToString());
        Assert.Equal(_cluster.SiloOf(handle.Silo).Name, shown.Owner.Node);

        var updated = await lobby.Update(handle, PresenceMeta.Parse("""{"mood":"🙃"}"""));
        shown = Assert.Single((await lobby.List()).Presences);
        Assert.Equal((updated.Ref, handle.Ref), (shown.Ref, shown.PreviousRef));

        Assert.True(await lobby.Untrack(updated));
        Assert.False(await lobby.Untrack(updated));
        Assert.Empty((await lobby.List()).Presences);
        Assert.Empty(await lobby.GetByKey("ann"));
    }

    [Fact]
    public async Task References_equal_those_of_the_factory_the_first_time_and_later()
    {
        var topics = new GrainReferences<ITopicPresenceGrain>(_cluster.Client);
        foreach (var topic in new[] { "lobby", "hall", "lobby" })
        {
            Assert.Equal(_cluster.Client.GetGrain<ITopicPresenceGrain>(topic), topics[topic]);
        }

        await topics["hall"].Track("ann");
        Assert.Equal(1, await _cluster.Topic("hall").Count());
    }

    [Fact]
    public async Task Pages_continue_in_key_order_to_the_end()
    {
        var crowd = _cluster.Topic("crowd");
        foreach (var key in new[] { "d", "b", "a", "c", "e" })
        {
            await crowd.Track(key);
        }

        var first = await crowd.Page(null, 2);
        var second = await crowd.Page(first.Next, 2);
        var third = await crowd.Page(second.Next, 2);
        Assert.Equal(
            ["a", "b", "c", "d", "e"],
            first.Presences.Concat(second.Presences).Concat(third.Presences).Select(p => p.Key));
        Assert.Null(third.Next);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => crowd.Page(null, 0));
    }

    [Fact]
    public async Task Exceptions_keep_their_type_across_silos()
    {
        var lobby = _cluster.Topic("lobby");
        var handle = await lobby.Track("ann", lease: "a lease");
        var twice = _cluster.Client.GetGrain<ITopicPresenceGrain>("lobby");
        await Assert.ThrowsAsync<PresenceLimitException>(() => lobby.Track(""));
        var lost = handle with { Lease = "unknown" };
        await Assert.ThrowsAsync<NotTrackedException>(() => lobby.Update(lost, PresenceMeta.Empty));
        await Assert.ThrowsAsync<ArgumentException>(() => _cluster.Topic("other").Update(handle, PresenceMeta.Empty));
        await Assert.ThrowsAsync<ArgumentException>(() => lobby.Track("bob", lease: new string('x', 101)));
        Assert.Single((await lobby.List()).Presences);
    }

    [Fact]
    public async Task Presences_of_a_lease_end_together_when_the_lease_is_ended()
    {
        var first = await _cluster.Topic("lobby").Track("ann", lease: "one");
        var again = _cluster.Topic("lobby");
        await again.Track("bob", lease: "one");
        await again.Track("eve");

        // The two calls may have reached different silos; each silo has its own part of the lease.
        foreach (var silo in _cluster.Orleans.Silos)
        {
            await _cluster.Client.GetGrain<IPresenceSiloGrain>(silo.SiloAddress.ToParsableString()).End("one");
        }

        Assert.Equal(["eve"], (await again.List()).Presences.Select(p => p.Key));
        Assert.False(await _cluster.Client.GetGrain<IPresenceSiloGrain>(first.Silo).Renew("one"));
    }

    [Fact]
    public async Task Lease_ends_its_presences_unless_it_is_renewed()
    {
        var lobby = _cluster.Topic("lobby");
        var received = new Awaited<TopicDiff>();
        using var watching = _cluster.World.Subscribe("lobby", received.Add);
        var kept = await lobby.Track("kept");
        await lobby.Track("lost");
        var leases = _cluster.Client.GetGrain<IPresenceSiloGrain>(kept.Silo);

        var left = received.FirstAsync(d => d.Changes[0].Kind == PresenceChangeKind.Left);
        while (!left.IsCompleted)
        {
            Assert.True(await leases.Renew(kept.Lease));
            await Task.WhenAny(left, Task.Delay(kept.LeaseDuration / 5));
        }

        var change = Assert.Single((await left).Changes);
        Assert.Equal(("lost", LeaveReason.LeaseExpired), (change.Entry.Key, change.Reason));
        Assert.Equal(["kept"], (await lobby.List()).Presences.Select(p => p.Key));
    }

    [Fact]
    public async Task Lease_of_a_stopped_silo_cannot_be_renewed_elsewhere()
    {
        var handle = await _cluster.Topic("lobby").Track("ann");
        var keeper = _cluster.SiloOf(handle.Silo);
        var other = _cluster.Orleans.Silos.First(s => s != keeper);
        await _cluster.Orleans.StopSiloAsync(keeper);
        var grains = _cluster.ServiceOf<IGrainFactory>(other);
        await Assert.ThrowsAsync<SiloUnavailableException>(
            () => grains.GetGrain<IPresenceSiloGrain>(handle.Silo).Renew(handle.Lease));
    }

    [Fact]
    public async Task Grain_is_present_after_one_call_and_leaves_on_deactivation()
    {
        var received = new Awaited<TopicDiff>();
        using var watching = _cluster.World.Subscribe("devices", received.Add);
        var device = _cluster.Client.GetGrain<IDeviceGrain>("thermostat");
        await device.Appear("devices");
        await device.Appear("attic");
        Assert.Equal("thermostat", Assert.Single((await _cluster.Topic("devices").List()).Presences).Key);
        await _cluster.Orleans.DeactivateAsync(device);
        var left = await received.FirstAsync(d => d.Changes[0].Kind == PresenceChangeKind.Left);
        Assert.Equal(LeaveReason.SessionEnded, left.Changes[0].Reason);
        Assert.Equal(0, await _cluster.Topic("attic").Count());
    }
}

[Alias("presence.tests.device")]
public interface IDeviceGrain : IGrainWithStringKey
{
    [Alias("Appear")]
    Task Appear(string topic);
}

public sealed class DeviceGrain : Grain, IDeviceGrain
{
    public async Task Appear(string topic) => await this.TrackPresenceAsync(topic, this.GetPrimaryKeyString());
}
