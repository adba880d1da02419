using Microsoft.Extensions.Options;
using Presence.Node.Hosting;

namespace Presence.Node.Tests.Unique;

/// <summary>Unique processes in one in-memory cluster, in available mode.</summary>
public sealed class UniqueProcessTests
{
    private readonly Watch _watch = new();

    [Fact]
    public async Task Exactly_one_of_three_nodes_runs_the_process_and_every_directory_names_it()
    {
        await using var cluster = await StartAsync(3);
        await _watch.UntilAsync(seen => seen.Any(s => s.EndsWith("starts", StringComparison.Ordinal)), "one starts");
        for (var node = 0; node < 3; node++)
        {
            var directory = await cluster.KnowsAsync(node, s => s is { Node: not null, Standbys.Count: 2 });
            var status = Assert.Single(directory.List());
            Assert.Equal(Holder() + " starts", _watch.Seen[0]);
            Assert.Equal((Holder(), UniqueProcessMode.Available, null), (status.Node, status.Mode, status.Epoch));
            Assert.NotNull(status.Since);
            Assert.DoesNotContain(status.Node, status.Standbys);
        }

        Assert.Null(cluster.Services(0).GetRequiredService<IUniqueProcessDirectory>().Find("no such"));
    }

    [Fact]
    public async Task Stopping_holder_ends_its_process_first_and_its_successor_gets_the_handover_state()
    {
        var states = _watch.HandOverNames();
        await using var cluster = await StartedAsync(3);
        var first = Holder();
        await cluster.StopAsync(first[1] - '0');
        Assert.Equal($"from {first}", await states.FirstAsync(_ => true));
        await _watch.UntilAsync(seen => seen.Count == 3, "another runs");
        Assert.Equal($"{first} ends: Shutdown", _watch.Seen[1]);
        Assert.Equal(1, _watch.MaxAtOnce);
    }

    [Fact]
    public async Task Crashed_holder_is_replaced()
    {
        await using var cluster = await StartedAsync(3);
        var first = Holder();
        cluster.InMemory.Kill(first);
        await _watch.UntilAsync(
            seen => seen.Any(s => s.EndsWith("starts", StringComparison.Ordinal) && s[..2] != first), "another starts");
    }

    [Fact]
    public async Task Crashed_node_stops_its_process_and_is_never_elected_again()
    {
        await using var cluster = await StartedAsync(2);
        var (first, other) = (Holder(), Holder() == "n0" ? "n1" : "n0");
        cluster.InMemory.Kill(first);
        await _watch.UntilAsync($"{other} starts");
        await _watch.UntilAsync($"{first} ends: LeaseLost");
        await cluster.StopAsync(other[1] - '0');
        await _watch.UntilAsync($"{other} ends: Shutdown");
        Assert.Equal(3, _watch.Seen.Count - 1);
    }

    [Fact]
    public async Task Handover_state_of_a_planned_stop_waits_for_a_later_node()
    {
        var states = _watch.HandOverNames();
        await using var cluster = await StartAsync(1);
        await _watch.UntilAsync("n0 starts");
        await cluster.StopAsync(0);
        await AddAsync(cluster, "n1");
        Assert.Equal("from n0", await states.FirstAsync(_ => true));
    }

    [Fact]
    public async Task Crash_loses_the_handover_state()
    {
        var sizes = new System.Collections.Concurrent.ConcurrentQueue<int>();
        _watch.Body = context =>
        {
            sizes.Enqueue(context.HandoverState.Length);
            context.SetHandoverState(new byte[] { 1 });
            return Task.CompletedTask;
        };
        await using var cluster = await StartedAsync(2);
        var (first, other) = (Holder(), Holder() == "n0" ? "n1" : "n0");
        cluster.InMemory.Kill(first);
        await _watch.UntilAsync($"{other} starts");
        await _watch.UntilAsync($"{first} ends: LeaseLost");
        Assert.Equal([0, 0], sizes);
    }

    [Fact]
    public async Task Cut_connections_between_nodes_of_one_process_move_nothing()
    {
        await using var cluster = await StartedAsync(3);
        cluster.InMemory.Reaches = (_, _) => false;
        await AddAsync(cluster, "n3");
        cluster.InMemory.Reaches = (_, _) => true;
        // Not always n0: the first start compiles its code while the others start.
        await cluster.KnowsAsync(3, s => s is { Standbys.Count: 3 } && s.Node == Holder());
        Assert.Single(_watch.Seen);
    }

    [Fact]
    public async Task Node_that_handed_over_waits_five_seconds_before_it_is_elected_again()
    {
        var time = new TestTime();
        await using var cluster = new TestCluster(time);
        await AddAsync(cluster, "n0");
        await _watch.UntilAsync("n0 starts");
        var directory = await cluster.KnowsAsync(0, s => s is { Node: "n0" });
        directory.RequestHandOver("job");
        await _watch.UntilAsync("n0 ends: HandedOver");
        await TestCluster.UntilAsync(
            cluster[0].GetTracker("unique"), () => directory.Find("job") is { Node: null }, "no node runs it");
        while (_watch.Seen.Count < 3)
        {
            // The pause timer starts when the candidacy is renewed, which has no event.
            time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.True(time.GetUtcNow() - time.Start >= TimeSpan.FromSeconds(5));
        Assert.Equal("n0 starts", _watch.Seen[2]);
    }

    [Fact]
    public async Task Cluster_transport_without_an_election_is_rejected_with_a_reason()
    {
        var cluster = new TestCluster();
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.AddAsync(
            "n0",
            transport: new TamperedTransport(cluster.InMemory.CreateTransport("n0")),
            more: services => services.AddSingleton(_watch).AddUniqueProcess<Watched>("job")));
        Assert.Contains("ILeaderElection", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Group_runs_and_ends_together()
    {
        await using var cluster = new TestCluster();
        var end = new TaskCompletionSource();
        var isFirst = true;
        _watch.Body = context =>
            Interlocked.Exchange(ref isFirst, false)
                ? end.Task.ContinueWith(_ => throw new InvalidTimeZoneException())
                : Task.CompletedTask;
        for (var node = 0; node < 2; node++)
        {
            await cluster.AddAsync($"n{node}", Quick, more: services => services.AddSingleton(_watch).AddUniqueProcess(
                "group", group => group.Add<WatchedService>().Add<Watched>(), Quick));
        }

        await _watch.UntilAsync(seen => seen.Count == 2, "both start");
        var holder = _watch.Seen[0][..2];
        Assert.Equal([$"{holder} service starts", $"{holder} starts"], _watch.Seen.Order(StringComparer.Ordinal));
        end.SetResult();
        await _watch.UntilAsync($"{holder} service ends: Ended");
        var other = holder == "n0" ? "n1" : "n0";
        await _watch.UntilAsync($"{other} service starts");
        await _watch.UntilAsync($"{other} starts");
    }

    [Fact]
    public async Task Process_that_does_not_end_is_abandoned_and_another_node_takes_over()
    {
        var never = new TaskCompletionSource();
        var isFirst = true;
        _watch.Body = context => Interlocked.Exchange(ref isFirst, false) ? never.Task : Task.CompletedTask;
        using var abandoned = new Counted("presence.unique.abandoned");
        await using var cluster = await StartedAsync(2);
        var first = Holder();
        var directory = await cluster.KnowsAsync(1, s => s is { Node: not null });
        directory.RequestHandOver("job");
        await abandoned.UntilAsync(1);
        await _watch.UntilAsync(seen => seen.Count == 2, "the other runs it");
        Assert.NotEqual(first, _watch.Seen[1][..2]);
        never.SetResult();
        await _watch.UntilAsync($"{first} ends: HandedOver");
    }

    [Fact]
    public async Task Hand_over_requested_on_any_node_moves_the_process()
    {
        await using var cluster = await StartedAsync(2);
        var first = Holder();
        for (var node = 0; node < 2; node++)
        {
            await cluster.KnowsAsync(node, s => s is { Node: not null });
        }

        cluster.Services(first == "n0" ? 1 : 0).GetRequiredService<IUniqueProcessDirectory>().RequestHandOver("job");
        await _watch.UntilAsync(seen => seen.Count == 3, "the other starts");
        Assert.Equal($"{first} ends: HandedOver", _watch.Seen[1]);
        Assert.Equal(1, _watch.MaxAtOnce);
        Assert.Throws<ArgumentException>(
            () => cluster.Services(0).GetRequiredService<IUniqueProcessDirectory>().RequestHandOver("unknown"));
    }

    [Fact]
    public async Task Hung_process_is_stopped_by_its_watchdog()
    {
        await using var cluster = await StartAsync(1, o => o.WatchdogTimeout = TimeSpan.FromMilliseconds(200));
        await _watch.UntilAsync("n0 ends: LeaseLost");
    }

    [Fact]
    public async Task Invalid_registration_is_rejected_with_a_reason()
    {
        var services = new ServiceCollection();
        Assert.Throws<ArgumentException>(() => services.AddUniqueProcess<string>("x"));
        Assert.Throws<ArgumentException>(() => services.AddUniqueProcess<Watched>(""));
        Assert.Throws<ArgumentException>(() => services.AddUniqueProcess("x", _ => { }));
        await AssertRejectedAsync<OptionsValidationException>("StopTimeout", o => o.StopTimeout = TimeSpan.Zero);
        await AssertRejectedAsync<OptionsValidationException>(
            "LeaseMargin", o => o.LeaseMargin = TimeSpan.FromSeconds(14));
        await AssertRejectedAsync<InvalidOperationException>("lease store", o => o.Mode = UniqueProcessMode.Consistent);
    }

    [Fact]
    public void Oversized_handover_state_is_rejected()
    {
        using var leadership = new StubLeadership();
        var context = new UniqueProcessContext(
            "p", "n", UniqueProcessMode.Available, leadership, TimeProvider.System, default);
        context.SetHandoverState(new byte[UniqueProcessContext.MaxStateBytes]);
        Assert.Throws<ArgumentException>(
            () => context.SetHandoverState(new byte[UniqueProcessContext.MaxStateBytes + 1]));
    }

    private static async Task AssertRejectedAsync<TException>(string text, Action<UniqueProcessOptions> configure)
        where TException : Exception
    {
        var cluster = new TestCluster();
        var e = await Assert.ThrowsAsync<TException>(() => cluster.AddAsync(
            "n0", more: services => services.AddSingleton(new Watch()).AddUniqueProcess<Watched>("job", configure)));
        Assert.Contains(text, e.Message, StringComparison.Ordinal);
        Assert.Contains("'job'", e.Message, StringComparison.Ordinal);
    }

    private static void Quick(PresenceOptions options)
    {
        options.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(50);
        options.Tracker.MaxSilentPeriods = 4;
    }

    private static void Quick(UniqueProcessOptions options) => options.StopTimeout = TimeSpan.FromSeconds(1);

    private async Task<TestCluster> StartAsync(int nodes, Action<UniqueProcessOptions>? configure = null)
    {
        var cluster = new TestCluster();
        for (var node = 0; node < nodes; node++)
        {
            await AddAsync(cluster, $"n{node}", configure);
        }

        return cluster;
    }

    /// <summary>Starts a cluster and waits until a node runs the process.</summary>
    private async Task<TestCluster> StartedAsync(int nodes)
    {
        var cluster = await StartAsync(nodes);
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        return cluster;
    }

    private Task<PresenceNode> AddAsync(
        TestCluster cluster, string name, Action<UniqueProcessOptions>? configure = null) =>
        cluster.AddAsync(
            name, Quick, more: services => services.AddSingleton(_watch).AddUniqueProcess<Watched>("job", o =>
        {
            Quick(o);
            configure?.Invoke(o);
        }));

    private string Holder() => _watch.Seen[0][..2];
}
