using System.Diagnostics;

namespace Presence.Grains.Tests.Client;

/// <summary>What a client does while it waits, and when one of its silos is lost.</summary>
[Trait("Category", "Orleans")]
public sealed class ClientRenewalsTests
{
    private const int Presences = 1000;
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Presences_of_a_lost_silo_are_tracked_again_together_and_each_leaves_and_joins_once(bool oneHangs)
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            o => o.LeaseDuration = TimeSpan.FromSeconds(20),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));

        // The first calls to a grain, when made together, may go through several gateways and so to several silos.
        await cluster.Client.CountAsync("lobby");
        var requests = Enumerable.Range(0, Presences).Select(i => new TrackRequest("lobby", $"k{i:D4}"));
        var tracked = await cluster.Client.TrackManyAsync([.. requests]);
        var lost = cluster.SiloAt(Assert.Single(tracked.Select(t => t.Handle.Silo).Distinct()));
        var keeper = cluster.Silos.First(s => s != lost);
        var ledger = new Ledger();
        await using var subscription = await cluster.ServiceOf<IPresenceClient>(keeper)
            .SubscribeAsync("lobby", ledger.HandleAsync);
        await ledger.Received.CountAsync(Presences);

        if (oneHangs)
        {
            faults.HangsAt = context =>
                context.MethodName == "Track" && Equals(context.Request.GetArgument(0), "k0000");
        }

        var began = Stopwatch.GetTimestamp();
        await cluster.Orleans.KillSiloAsync(lost);
        await ledger.Received.CountAsync((3 * Presences) - (oneHangs ? 1 : 0));
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(30));
        ledger.AssertConsistent();
        Assert.Equal(Presences, ledger.Received.All.Count(c => c.Kind == PresenceChangeKind.Left));
        faults.Release();
    }

    [Fact]
    public async Task Leases_shorter_than_the_interval_of_the_client_are_renewed_in_time()
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            1,
            o => o.LeaseDuration = TimeSpan.FromSeconds(2),
            o => o.RenewalInterval = TimeSpan.FromHours(1),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));
        await using var presence = await cluster.Client.TrackAsync("lobby", "ann");
        await TestTimeouts.UntilAsync(
            "the lease was renewed", TimeSpan.FromSeconds(30), () => faults.Calls.Any(c => c.Method == "RenewMany"));
    }

    [Theory]
    [InlineData("Check")]
    [InlineData("RenewMany")]
    [InlineData("Update")]
    public async Task Presence_stays_on_its_silo_when_only_a_gateway_was_unavailable(string method)
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            2,
            o => o.LeaseDuration = TimeSpan.FromSeconds(3),
            o => o.RenewalInterval = TimeSpan.FromMilliseconds(100),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));
        await using var mine = await cluster.Client.TrackAsync("lobby", "mine");
        var lease = mine.Handle.Lease;
        var failed = 0;
        faults.FailsWith = context =>
            context.MethodName == method && context.Grain is not IPinnedSiloGrain
                && Interlocked.Increment(ref failed) == 1
                ? new SiloUnavailableException("the gateway was lost")
                : null;
        await mine.UpdateAsync(PresenceMeta.Parse("""{"a":1}"""));
        await TestTimeouts.UntilAsync(
            "the call was made again", TimeSpan.FromSeconds(30), () => Volatile.Read(ref failed) > 1);
        Assert.Equal(lease, mine.Handle.Lease);
        Assert.Equal("""{"a":1}""", Assert.Single(await cluster.Client.GetByKeyAsync("lobby", "mine")).Meta.ToString());
    }

    [Fact]
    public async Task Lease_that_could_not_be_ended_is_ended_when_its_silo_answers_again()
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            2,
            o => o.LeaseDuration = TimeSpan.FromMinutes(10),
            o => o.RenewalInterval = TimeSpan.FromMilliseconds(100),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        await using var mine = await cluster.Client.TrackAsync("lobby", "mine");
        var first = mine.Handle;
        faults.FailsWith = context => context.MethodName switch
        {
            "Update" => new SiloUnavailableException("cut off"),
            "End" or "EndLeases" => new TimeoutException("cut off"),
            _ => null,
        };
        await mine.UpdateAsync(PresenceMeta.Parse("""{"a":1}"""));
        await ledger.JoinedAsync("mine");
        Assert.NotEqual(first.Lease, mine.Handle.Lease);
        await TestTimeouts.UntilAsync(
            "ending was tried again",
            TimeSpan.FromSeconds(30),
            () => faults.Calls.Count(c => c.Method == "EndLeases") > 3);
        Assert.DoesNotContain(ledger.Received.All, c => c.Kind == PresenceChangeKind.Left);

        faults.FailsWith = _ => null;
        var left = await ledger.LeftAsync("mine");
        Assert.Equal((first.Ref, LeaveReason.SessionEnded), (left.Entry.Ref, left.Reason));
        Assert.Equal(mine.Handle.Ref, Assert.Single(subscription.Presences).Ref);
    }

    [Fact]
    public async Task Presence_of_a_call_without_an_answer_is_ended_though_the_call_is_executed_later()
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            2,
            o => o.LeaseDuration = TimeSpan.FromMinutes(10),
            o => (o.RenewalInterval, o.CallTimeout) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1)),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));
        using var released = new Released(faults);
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        faults.HangsAt = context => context.MethodName == "Track";
        await Assert.ThrowsAsync<TimeoutException>(() => cluster.Client.TrackAsync("lobby", "late"));
        await TestTimeouts.UntilAsync(
            "both silos ended the lease",
            TimeSpan.FromSeconds(30),
            () => faults.Calls.Count(c => c.Method == "EndLeases" && c.Target.Contains("pinned")) == 2);

        faults.HangsAt = _ => false;
        faults.Release();
        await using var next = await cluster.Client.TrackAsync("lobby", "next");
        await ledger.JoinedAsync("next");
        await TestTimeouts.UntilAsync(
            "the late presence is gone", TimeSpan.FromSeconds(30), () => subscription.Presences.Count == 1);
        Assert.All(
            cluster.Silos,
            silo => Assert.DoesNotContain(cluster.TrackerOf(silo).List("lobby"), entry => entry.Key == "late"));
    }

    [Theory]
    [InlineData("Track")]
    [InlineData("TrackMany")]
    public async Task Canceled_track_leaves_no_presence(string method)
    {
        var faults = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            1,
            o => o.LeaseDuration = TimeSpan.FromMinutes(10),
            o => o.RenewalInterval = TimeSpan.FromMilliseconds(100),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));
        using var released = new Released(faults);
        faults.AnswersLate = context => context.MethodName == method;
        using var cancel = new CancellationTokenSource();
        Task tracking = method == "Track"
            ? cluster.Client.TrackAsync("lobby", "canceled", cancellation: cancel.Token)
            : cluster.Client.TrackManyAsync([new("lobby", "canceled")], cancel.Token);
        await TestTimeouts.UntilAsync(
            "it is tracked",
            TimeSpan.FromSeconds(30),
            () => cluster.TrackerOf(cluster.Silos[0]).Count("lobby") == 1);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => tracking);
        await TestTimeouts.UntilAsync(
            "its lease is ended",
            TimeSpan.FromSeconds(30),
            () => cluster.TrackerOf(cluster.Silos[0]).Count("lobby") == 0);
    }

    [Fact]
    public async Task Idle_subscriptions_and_presences_cost_one_check_a_second_and_silo()
    {
        var counter = new CallFaults();
        await using var cluster = await PresenceCluster.StartAsync(
            1,
            o => o.LeaseDuration = TimeSpan.FromSeconds(6),
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(counter));
        for (var i = 0; i < 200; i++)
        {
            await cluster.Client.SubscribeAsync($"topic {i}", _ => default, (SubscriptionKind)(i % 2));
        }

        await cluster.Client.TrackManyAsync(
            [.. Enumerable.Range(0, 200).Select(i => new TrackRequest($"lobby {i % 9}", $"k{i}"))]);
        Assert.Single(counter.Calls, c => c.Method == "TrackMany");
        Assert.DoesNotContain(counter.Calls, c => c.Method == "Track");
        await TestTimeouts.UntilAsync(
            "the positions are known", TimeSpan.FromSeconds(30), () => counter.CheckedTopics.Contains(100));
        counter.Calls.Clear();
        counter.CheckedTopics.Clear();
        using var timer = new PeriodicTimer(8 * Second);
        await timer.WaitForNextTickAsync();
        var calls = counter.Calls.Where(c => c.Target == "presence-silo").Select(c => c.Method).ToList();

        // A third of 6 s: at most five renewals of each kind, and a check each second.
        Assert.InRange(calls.Count(c => c == "Check"), 6, 10);
        Assert.All(counter.CheckedTopics, count => Assert.Equal(0, count));
        Assert.InRange(calls.Count(c => c == "RenewMany"), 2, 5);
        Assert.InRange(calls.Count(c => c == "RenewSubscriptions"), 2, 6);
        Assert.DoesNotContain(counter.Calls, c => c.Target == "presence-topic");
    }

    [Fact]
    public async Task Observer_that_was_cut_off_is_subscribed_again_after_the_next_check()
    {
        await using var cluster = await PresenceCluster.StartAsync(1, o => o.ObserverQueueCapacity = 1);
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        var silo = cluster.Silos[0];
        using var session = cluster.ServiceOf<IPresenceNode>(silo).OpenSession();
        await cluster.ExceedObserverQueueAsync(session, "lobby");
        await ledger.JoinedAsync("ann");
        await ledger.JoinedAsync("bob");
        Assert.InRange(cluster.ServiceOf<ObserverRegistry>(silo).CutOff, 1, long.MaxValue);
        ledger.AssertConsistent();
    }

    [Fact]
    public async Task Handler_of_a_grain_runs_as_part_of_the_grain()
    {
        await using var cluster = await PresenceCluster.StartAsync(1);
        var grain = cluster.Orleans.Client.GetGrain<IFollowerGrain>("follower");
        await grain.Follow("lobby");
        await using var ann = await cluster.Client.TrackAsync("lobby", "ann");
        await TestTimeouts.UntilAsync(
            "the grain has the join", TimeSpan.FromSeconds(30), async () => await grain.Joined() == 1);
        Assert.True(await grain.RanInGrain());
    }
}

/// <summary>A grain that subscribes by itself.</summary>
public interface IFollowerGrain : IGrainWithStringKey
{
    Task Follow(string topic);

    Task<int> Joined();

    Task<bool> RanInGrain();
}

internal sealed class FollowerGrain(IPresenceClient presence) : Grain, IFollowerGrain
{
    private readonly List<TaskScheduler> _schedulers = [];
    private int _joined;

    public Task Follow(string topic) => presence.SubscribeAsync(topic, changes =>
    {
        _schedulers.Add(TaskScheduler.Current);
        _joined += changes.Count;
        return default;
    });

    public Task<int> Joined() => Task.FromResult(_joined);

    public Task<bool> RanInGrain() => Task.FromResult(_schedulers.TrueForAll(s => s == TaskScheduler.Current));
}
