namespace Presence.Node.Tests.Unique;

/// <summary>Unique processes in consistent mode, on a store that can be cut off.</summary>
public sealed class Unique_processes_with_leases
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    private readonly Watch _watch = new();
    private readonly MemoryLeaseStore _store = new(TimeProvider.System);

    [Fact]
    public async Task One_runs_with_an_epoch_and_the_next_with_a_larger_one_and_what_was_left()
    {
        var epochs = new List<(string Node, long? Epoch, string Inherited)>();
        _watch.Body = context =>
        {
            lock (epochs)
            {
                epochs.Add((context.NodeName, context.Epoch, Encoding.UTF8.GetString(context.Inherited.Span)));
            }

            context.LeaveState(Encoding.UTF8.GetBytes(context.NodeName));
            return Task.CompletedTask;
        };
        await using var cluster = await StartAsync(2);
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        var first = _watch.Seen[0][..2];
        await cluster.KnowsAsync(first == "n0" ? 1 : 0, s => s is { Epoch: 1 });
        await cluster.StopAsync(first[1] - '0');
        await _watch.UntilAsync(seen => seen.Count == 3, "the other starts");
        Assert.Equal($"{first} ends: Shutdown", _watch.Seen[1]);
        Assert.Equal([(first, 1, ""), (first == "n0" ? "n1" : "n0", 2L, first)], epochs);
    }

    [Fact]
    public async Task Nodes_of_two_clusters_that_share_a_store_run_a_process_once()
    {
        await using var one = await StartAsync(1);
        await _watch.UntilAsync("n0 starts");
        await using var other = await StartAsync(1, first: 1);
        await one.StopAsync(0);
        await _watch.UntilAsync("n1 starts");
        Assert.Equal(["n0 starts", "n0 ends: Shutdown", "n1 starts"], _watch.Seen);
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
        // Each cluster knows of its own nodes alone.
        await other.KnowsAsync(0, s => s is { Node: "n1", Standbys: [] });
    }

    [Fact]
    public async Task A_holder_cut_off_from_the_store_stops_before_its_lease_is_over_and_only_then_another_starts()
    {
        var left = new TaskCompletionSource<TimeSpan>();
        _watch.Body = context =>
        {
            context.Stopping.Register(() => left.TrySetResult(_store.Remaining));
            return Task.CompletedTask;
        };
        await using var cluster = await StartAsync(2);
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        var first = _watch.Seen[0][..2];
        _store.Reaches = holder => !holder.StartsWith(first, StringComparison.Ordinal);
        await _watch.UntilAsync(seen => seen.Count == 3, "the other starts");
        Assert.Equal($"{first} ends: LeaseLost", _watch.Seen[1]);
        Assert.True(await left.Task > TimeSpan.Zero, "The lease was over when the process was asked to stop.");
        Assert.Equal(1, _watch.MostAtOnce);
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
    }

    [Fact]
    public async Task A_holder_that_ignores_its_stop_does_not_renew_meanwhile()
    {
        var ever = new TaskCompletionSource();
        var isFirst = true;
        var renewals = 0;
        _watch.Body = context =>
        {
            if (!Interlocked.Exchange(ref isFirst, false))
            {
                return Task.CompletedTask;
            }

            context.Stopping.Register(() => renewals = _store.Renewals);
            return ever.Task;
        };
        await using var cluster = await StartAsync(2, stopTimeout: TimeSpan.FromMinutes(1));
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        var directory = await cluster.KnowsAsync(0, s => s is { Node: not null });
        directory.RequestHandOver("job");
        await _watch.UntilAsync(seen => seen.Count == 2, "the other starts");
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
        Assert.Equal(renewals, _store.Renewals);
        ever.SetResult();
    }

    [Fact]
    public async Task A_pause_of_the_machine_ends_the_term_though_the_monotonic_clock_stood_still()
    {
        var time = new FakeTimeProvider();
        await using var cluster = await TestCluster.OfAsync(1, o => o.AddTracker("unique"));
        var options = new UniqueProcessOptions { Mode = UniqueProcessMode.Consistent, Lease = TimeSpan.FromSeconds(30) };
        var arbiter = new LeaseArbiter(
            new MemoryLeaseStore(time), cluster[0], time, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        await using var contest = await arbiter.EnterAsync("job", options, default);
        using var term = await contest.WinAsync(default);
        Assert.True(term.IsCurrent);
        // Moves the wall clock alone.
        time.AdjustTime(time.GetUtcNow().AddSeconds(31));
        Assert.False(term.IsCurrent);
        Assert.True(term.StopProlonging() <= TimeSpan.Zero);
        await term.AbandonAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task A_term_that_was_over_before_the_process_could_start_is_given_up_without_a_start()
    {
        using var over = new StubTerm { Epoch = 1, IsCurrent = false };
        using var current = new StubTerm { Epoch = 2 };
        var started = new TaskCompletionSource<long?>();
        _watch.Body = context =>
        {
            started.TrySetResult(context.Epoch);
            return Task.CompletedTask;
        };
        await using var cluster = new TestCluster();
        await cluster.AddAsync("n0", more: services => services
            .AddSingleton(_watch)
            .AddSingleton<IUniqueArbiter>(new StubArbiter(over, current))
            .AddUniqueProcess<Watched>("job", o => o.Mode = UniqueProcessMode.Consistent));

        Assert.Equal(2, await started.Task.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.True(over.IsAbandoned);
    }

    private async Task<TestCluster> StartAsync(int members, TimeSpan? stopTimeout = null, int first = 0)
    {
        var cluster = new TestCluster();
        for (var member = first; member < first + members; member++)
        {
            await cluster.AddAsync($"n{member}", more: services => services
                .AddSingleton(_watch)
                .AddSingleton<ILeaseStore>(_store)
                .AddUniqueProcess<Watched>("job", o =>
                {
                    o.Mode = UniqueProcessMode.Consistent;
                    o.Lease = Lease;
                    o.StopTimeout = stopTimeout ?? TimeSpan.FromMilliseconds(500);
                }));
        }

        return cluster;
    }
}
