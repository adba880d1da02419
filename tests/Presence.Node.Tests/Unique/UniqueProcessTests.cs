using Microsoft.Extensions.Options;

namespace Presence.Node.Tests.Unique;

/// <summary>Unique processes in one in-memory cluster, in available mode.</summary>
public sealed class UniqueProcessTests
{
    private readonly Watch _watch = new();

    [Fact]
    public async Task Of_three_members_one_runs_it_and_the_directory_of_each_says_which()
    {
        await using var cluster = await StartAsync(3);
        await _watch.UntilAsync(seen => seen.Any(s => s.EndsWith("starts", StringComparison.Ordinal)), "one starts");
        for (var member = 0; member < 3; member++)
        {
            var directory = await cluster.KnowsAsync(member, s => s is { Node: not null, Standbys.Count: 2 });
            var status = Assert.Single(directory.List());
            Assert.Equal(Holder() + " starts", _watch.Seen[0]);
            Assert.Equal((Holder(), UniqueProcessMode.Available, null), (status.Node, status.Mode, status.Epoch));
            Assert.NotNull(status.Since);
            Assert.DoesNotContain(status.Node, status.Standbys);
        }

        Assert.Null(cluster.Services(0).GetRequiredService<IUniqueProcessDirectory>().Find("no such"));
    }

    [Fact]
    public async Task A_holder_that_stops_ends_its_process_first_and_another_takes_over_what_it_left()
    {
        var inherited = _watch.LeaveNames();
        await using var cluster = await StartedAsync(3);
        var first = Holder();
        await cluster.StopAsync(first[1] - '0');
        Assert.Equal($"from {first}", await inherited.FirstAsync(_ => true));
        await _watch.UntilAsync(seen => seen.Count == 3, "another runs");
        Assert.Equal($"{first} ends: Shutdown", _watch.Seen[1]);
        Assert.Equal(1, _watch.MostAtOnce);
    }

    [Fact]
    public async Task A_holder_that_crashes_is_replaced()
    {
        await using var cluster = await StartedAsync(3);
        var first = Holder();
        cluster.Engine.Kill(first);
        await _watch.UntilAsync(seen => seen.Any(s => s.EndsWith("starts", StringComparison.Ordinal) && s[..2] != first), "another starts");
    }

    [Fact]
    public async Task Crashed_node_is_asked_to_stop_what_it_runs_and_never_elected_again()
    {
        await using var cluster = await StartedAsync(2);
        var (first, other) = (Holder(), Holder() == "n0" ? "n1" : "n0");
        cluster.Engine.Kill(first);
        await _watch.UntilAsync($"{other} starts");
        await _watch.UntilAsync($"{first} ends: LeaseLost");
        await cluster.StopAsync(other[1] - '0');
        await _watch.UntilAsync($"{other} ends: Shutdown");
        Assert.Equal(3, _watch.Seen.Count - 1);
    }

    [Fact]
    public async Task State_of_a_process_that_ended_by_plan_waits_for_a_node_that_comes_later()
    {
        var inherited = _watch.LeaveNames();
        await using var cluster = await StartAsync(1);
        await _watch.UntilAsync("n0 starts");
        await cluster.StopAsync(0);
        await AddAsync(cluster, "n1");
        Assert.Equal("from n0", await inherited.FirstAsync(_ => true));
    }

    [Fact]
    public async Task Crash_loses_the_state_that_was_to_be_left()
    {
        var sizes = new System.Collections.Concurrent.ConcurrentQueue<int>();
        _watch.Body = context =>
        {
            sizes.Enqueue(context.Inherited.Length);
            context.LeaveState(new byte[] { 1 });
            return Task.CompletedTask;
        };
        await using var cluster = await StartedAsync(2);
        var (first, other) = (Holder(), Holder() == "n0" ? "n1" : "n0");
        cluster.Engine.Kill(first);
        await _watch.UntilAsync($"{other} starts");
        await _watch.UntilAsync($"{first} ends: LeaseLost");
        Assert.Equal([0, 0], sizes);
    }

    [Fact]
    public async Task Cut_links_between_nodes_of_one_process_move_nothing()
    {
        await using var cluster = await StartedAsync(3);
        cluster.Engine.Reaches = (_, _) => false;
        await AddAsync(cluster, "n3");
        cluster.Engine.Reaches = (_, _) => true;
        await cluster.KnowsAsync(3, s => s is { Node: "n0", Standbys.Count: 3 });
        Assert.Equal(["n0 starts"], _watch.Seen);
    }

    [Fact]
    public async Task Node_that_was_handed_over_from_waits_five_seconds_before_it_is_elected_again()
    {
        var time = new FakeTimeProvider();
        await using var cluster = new TestCluster(time);
        await AddAsync(cluster, "n0");
        await _watch.UntilAsync("n0 starts");
        var directory = await cluster.KnowsAsync(0, s => s is { Node: "n0" });
        directory.RequestHandOver("job");
        await _watch.UntilAsync("n0 ends: HandedOver");
        await TestCluster.UntilAsync(cluster[0].GetTracker("unique"), () => directory.Find("job") is { Node: null }, "nobody runs it");
        while (_watch.Seen.Count < 3)
        {
            // The timer of the pause begins when the contest is entered again, which nothing announces.
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
            link: new TamperedLink(cluster.Engine.CreateLink("n0")),
            more: services => services.AddSingleton(_watch).AddUniqueProcess<Watched>("job")));
        Assert.Contains("IUniqueArbiter", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_group_runs_together_and_ends_together()
    {
        await using var cluster = new TestCluster();
        var end = new TaskCompletionSource();
        var isFirst = true;
        _watch.Body = context => Interlocked.Exchange(ref isFirst, false) ? end.Task.ContinueWith(_ => throw new InvalidTimeZoneException()) : Task.CompletedTask;
        for (var member = 0; member < 2; member++)
        {
            await cluster.AddAsync($"n{member}", Quick, more: services => services.AddSingleton(_watch).AddUniqueProcess(
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
    public async Task A_process_that_does_not_end_is_reported_and_left_alone_and_another_member_takes_over()
    {
        var ever = new TaskCompletionSource();
        var isFirst = true;
        _watch.Body = context => Interlocked.Exchange(ref isFirst, false) ? ever.Task : Task.CompletedTask;
        using var abandoned = new Counted("presence.unique.abandoned");
        await using var cluster = await StartedAsync(2);
        var first = Holder();
        var directory = await cluster.KnowsAsync(1, s => s is { Node: not null });
        directory.RequestHandOver("job");
        await abandoned.UntilAsync(1);
        await _watch.UntilAsync(seen => seen.Count == 2, "the other runs it");
        Assert.NotEqual(first, _watch.Seen[1][..2]);
        ever.SetResult();
        await _watch.UntilAsync($"{first} ends: HandedOver");
    }

    [Fact]
    public async Task A_hand_over_that_was_asked_for_anywhere_moves_it()
    {
        await using var cluster = await StartedAsync(2);
        var first = Holder();
        for (var member = 0; member < 2; member++)
        {
            await cluster.KnowsAsync(member, s => s is { Node: not null });
        }

        cluster.Services(first == "n0" ? 1 : 0).GetRequiredService<IUniqueProcessDirectory>().RequestHandOver("job");
        await _watch.UntilAsync(seen => seen.Count == 3, "the other starts");
        Assert.Equal($"{first} ends: HandedOver", _watch.Seen[1]);
        Assert.Equal(1, _watch.MostAtOnce);
        Assert.Throws<ArgumentException>(() => cluster.Services(0).GetRequiredService<IUniqueProcessDirectory>().RequestHandOver("nobody's"));
    }

    [Fact]
    public async Task One_that_hangs_is_stopped_by_its_watchdog()
    {
        await using var cluster = await StartAsync(1, o => o.Watchdog = TimeSpan.FromMilliseconds(200));
        await _watch.UntilAsync("n0 ends: LeaseLost");
    }

    [Fact]
    public async Task What_cannot_be_run_is_refused_with_a_reason()
    {
        var services = new ServiceCollection();
        Assert.Throws<ArgumentException>(() => services.AddUniqueProcess<string>("x"));
        Assert.Throws<ArgumentException>(() => services.AddUniqueProcess<Watched>(""));
        Assert.Throws<ArgumentException>(() => services.AddUniqueProcess("x", _ => { }));
        await RefusedAsync<OptionsValidationException>("StopTimeout", o => o.StopTimeout = TimeSpan.Zero);
        await RefusedAsync<OptionsValidationException>("LeaseMargin", o => o.LeaseMargin = TimeSpan.FromSeconds(14));
        await RefusedAsync<InvalidOperationException>("durable store", o => o.Mode = UniqueProcessMode.Consistent);
    }

    [Fact]
    public void A_state_too_large_to_be_left_is_refused()
    {
        using var term = new StubTerm();
        var context = new UniqueProcessContext("p", "n", UniqueProcessMode.Available, term, TimeProvider.System, default);
        context.LeaveState(new byte[UniqueProcessContext.MaxStateBytes]);
        Assert.Throws<ArgumentException>(() => context.LeaveState(new byte[UniqueProcessContext.MaxStateBytes + 1]));
    }

    private static async Task RefusedAsync<TException>(string text, Action<UniqueProcessOptions> configure)
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

    private async Task<TestCluster> StartAsync(int members, Action<UniqueProcessOptions>? configure = null)
    {
        var cluster = new TestCluster();
        for (var member = 0; member < members; member++)
        {
            await AddAsync(cluster, $"n{member}", configure);
        }

        return cluster;
    }

    /// <summary>A cluster in which one member runs the process.</summary>
    private async Task<TestCluster> StartedAsync(int members)
    {
        var cluster = await StartAsync(members);
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        return cluster;
    }

    private Task<PresenceNode> AddAsync(TestCluster cluster, string name, Action<UniqueProcessOptions>? configure = null) =>
        cluster.AddAsync(name, Quick, more: services => services.AddSingleton(_watch).AddUniqueProcess<Watched>("job", o =>
        {
            Quick(o);
            configure?.Invoke(o);
        }));

    private string Holder() => _watch.Seen[0][..2];
}
