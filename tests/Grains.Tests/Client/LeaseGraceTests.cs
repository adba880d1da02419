using Presence.Grains.Leases;

namespace Presence.Grains.Tests.Client;

/// <summary>Presences of Orleans clients whose silo is lost, with a grace.</summary>
[Trait("Category", "Orleans")]
public sealed class LeaseGraceTests
{
    private static readonly PresenceMeta Meta = PresenceMeta.Parse("""{"a":1}""");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Presence_whose_silo_is_lost_continues_on_another_and_nobody_sees_it(bool isKilled)
    {
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            o => o.LeaseGrace = TimeSpan.FromSeconds(60),
            o => o.RenewalInterval = TimeSpan.FromMilliseconds(250));
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        var mine = await cluster.Client.TrackAsync("lobby", "mine", Meta);
        var first = (await ledger.JoinedAsync("mine")).Entry;
        var lost = cluster.SiloAt(mine.Handle.Silo);
        var observed = cluster.TrackerOf(cluster.Silos.First(s => s != lost));
        await cluster.ListsAsync(cluster.Silos.First(s => s != lost), "lobby", "mine");
        var changes = new Awaited<PresenceChange>();
        using var watching = observed.Subscribe("lobby", d => d.Changes.ToList().ForEach(changes.Add));

        var before = mine.Handle.Silo;
        await (isKilled ? cluster.Orleans.KillSiloAsync(lost) : cluster.Orleans.StopSiloAsync(lost));
        await Harness.TestTimeouts.UntilAsync(
            "another silo has it", TimeSpan.FromSeconds(90), () => mine.Handle.Silo != before);
        Assert.Equal(first.Ref, mine.Handle.Ref);

        // One real change proves that the observers were not deaf.
        await mine.UpdateAsync(PresenceMeta.Empty);
        await ledger.Received.FirstAsync(c => c.Entry.Meta == PresenceMeta.Empty);
        await changes.FirstAsync(c => c.Entry.Meta == PresenceMeta.Empty);
        Assert.Equal(PresenceChangeKind.Updated, Assert.Single(changes.All).Kind);
        Assert.Single(ledger.Received.All, c => c.Kind == PresenceChangeKind.Joined);
        Assert.DoesNotContain(ledger.Received.All, c => c.Kind == PresenceChangeKind.Left);
        Assert.Equal("mine", Assert.Single(subscription.Presences).Key);
        await mine.DisposeAsync();
        Assert.Equal(LeaveReason.SessionEnded, (await ledger.LeftAsync("mine")).Reason);
    }

    [Fact]
    public async Task Presence_whose_resume_is_executed_and_not_answered_is_resumed_again_and_nobody_sees_it()
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            o => o.LeaseGrace = TimeSpan.FromSeconds(60),
            o => o.RenewalInterval = TimeSpan.FromMilliseconds(250),
            silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        var mine = await cluster.Client.TrackAsync("lobby", "mine", Meta);
        await ledger.JoinedAsync("mine");
        var before = mine.Handle.Silo;
        foreach (var silo in cluster.Silos)
        {
            await cluster.ListsAsync(silo, "lobby", "mine");
        }

        var resumes = 0;
        faults.LosesAnswer = c => c.MethodName == "Resume" && Interlocked.Increment(ref resumes) == 1;
        await cluster.Orleans.KillSiloAsync(cluster.SiloAt(before));
        await Harness.TestTimeouts.UntilAsync(
            "another silo has it", TimeSpan.FromSeconds(90), () => mine.Handle.Silo != before);
        await Harness.TestTimeouts.UntilAsync(
            "the first lease is ended",
            TimeSpan.FromSeconds(30),
            () => faults.Calls.Any(c => c.Method == "EndLeases"));
        await mine.UpdateAsync(PresenceMeta.Empty);
        await ledger.Received.FirstAsync(c => c.Entry.Meta == PresenceMeta.Empty);
        Assert.True(resumes > 1);
        Assert.Single(ledger.Received.All, c => c.Kind == PresenceChangeKind.Joined);
        Assert.DoesNotContain(ledger.Received.All, c => c.Kind == PresenceChangeKind.Left);
    }

    [Fact]
    public async Task Lease_of_a_resume_whose_answer_was_lost_is_ended_without_its_session()
    {
        await using var cluster = await PresenceCluster.StartAsync(1, o => o.LeaseGrace = TimeSpan.FromSeconds(60));
        var silo = cluster.Silos[0];
        var handle = await cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby").Track("ann");
        var leases = cluster.ServiceOf<LeaseRegistry>(silo);
        await leases.ResumeAsync("lost", handle.Token);
        Assert.True(leases.Prevent("lost"));
        Assert.Equal(1, cluster.TrackerOf(silo).Count("lobby"));
        await leases.ResumeAsync("used", handle.Token);
        Assert.NotNull(leases.Find("used"));
        Assert.True(leases.Prevent("used"));
        Assert.Equal(0, cluster.TrackerOf(silo).Count("lobby"));
    }

    [Fact]
    public async Task Lease_with_a_grace_ends_when_it_is_not_renewed()
    {
        await using var cluster = await PresenceCluster.StartAsync(
            1,
            o => (o.LeaseGrace, o.LeaseDuration) = (TimeSpan.FromHours(1), TimeSpan.FromSeconds(1)),
            o => o.RenewalInterval = TimeSpan.FromMilliseconds(200));
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        var handle = await cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby").Track("not renewed");
        Assert.NotNull(handle.Token);
        Assert.Equal(LeaveReason.LeaseExpired, (await ledger.LeftAsync("not renewed")).Reason);
    }
}
