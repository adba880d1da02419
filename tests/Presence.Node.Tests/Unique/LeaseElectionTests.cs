using Presence.Node.Hosting;
using Presence.Node.Unique.Leases;

namespace Presence.Node.Tests.Unique;

/// <summary>Unique processes in consistent mode, with a store that can be made unreachable.</summary>
public sealed class LeaseElectionTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);

    private readonly Watch _watch = new();
    private readonly MemoryLeaseStore _store = new(TimeProvider.System);

    [Fact]
    public async Task Holder_gets_an_epoch_and_its_successor_a_larger_one_and_the_handover_state()
    {
        var epochs = new List<(string Node, long? Epoch, string State)>();
        _watch.Body = context =>
        {
            lock (epochs)
            {
                epochs.Add((context.NodeName, context.Epoch, Encoding.UTF8.GetString(context.HandoverState.Span)));
            }

            context.SetHandoverState(Encoding.UTF8.GetBytes(context.NodeName));
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
    public async Task Clusters_that_share_a_store_run_a_process_once()
    {
        await using var one = await StartAsync(1);
        await _watch.UntilAsync("n0 starts");
        await using var other = await StartAsync(1, first: 1);
        await one.StopAsync(0);
        await _watch.UntilAsync("n1 starts");
        Assert.Equal(["n0 starts", "n0 ends: Shutdown", "n1 starts"], _watch.Seen);
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
        // Each cluster knows only its own nodes.
        await other.KnowsAsync(0, s => s is { Node: "n1", Standbys: [] });
    }

    [Fact]
    public async Task Holder_cut_off_from_the_store_stops_before_its_lease_expires_and_only_then_another_starts()
    {
        var left = new TaskCompletionSource<TimeSpan>();
        _watch.Body = context =>
        {
            context.StoppingToken.Register(() => left.TrySetResult(_store.Remaining));
            return Task.CompletedTask;
        };
        await using var cluster = await StartAsync(2);
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        var first = _watch.Seen[0][..2];
        _store.Reaches = holder => !holder.StartsWith(first, StringComparison.Ordinal);
        await _watch.UntilAsync(seen => seen.Count == 3, "the other starts");
        Assert.Equal($"{first} ends: LeaseLost", _watch.Seen[1]);
        Assert.True(await left.Task > TimeSpan.Zero, "The lease had expired when the process was asked to stop.");
        Assert.Equal(1, _watch.MaxAtOnce);
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
    }

    [Fact]
    public async Task Holder_that_ignores_its_stop_does_not_renew()
    {
        var never = new TaskCompletionSource();
        var isFirst = true;
        var renewals = 0;
        _watch.Body = context =>
        {
            if (!Interlocked.Exchange(ref isFirst, false))
            {
                return Task.CompletedTask;
            }

            context.StoppingToken.Register(() => renewals = _store.Renewals);
            return never.Task;
        };
        await using var cluster = await StartAsync(2, stopTimeout: TimeSpan.FromMinutes(1));
        await _watch.UntilAsync(seen => seen.Count == 1, "one starts");
        var directory = await cluster.KnowsAsync(0, s => s is { Node: not null });
        directory.RequestHandOver("job");
        await _watch.UntilAsync(seen => seen.Count == 2, "the other starts");
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
        Assert.Equal(renewals, _store.Renewals);
        never.SetResult();
    }

    [Fact]
    public async Task Suspension_of_the_machine_ends_the_leadership_though_the_monotonic_clock_stopped()
    {
        var time = new MachineClock();
        await using var cluster = await TestCluster.OfAsync(1, o => o.AddTracker("unique"));
        var options = new UniqueProcessOptions
        {
            Mode = UniqueProcessMode.Consistent,
            LeaseDuration = TimeSpan.FromSeconds(30),
        };
        var election = new LeaseElection(
            new MemoryLeaseStore(time),
            cluster[0],
            time,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        await using var candidate = await election.JoinAsync("job", options, default);
        using var leadership = await candidate.AcquireAsync(default);
        Assert.True(leadership.IsHeld);
        time.SetForward = TimeSpan.FromSeconds(31);
        Assert.False(leadership.IsHeld);
        Assert.True(leadership.StopRenewing() <= TimeSpan.Zero);
        await leadership.AbandonAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task Lease_that_expired_stays_expired_when_the_clock_is_set_back()
    {
        var time = new MachineClock();
        var store = new MemoryLeaseStore(time);
        await using var candidate = CandidateOf(store, time);
        using var leadership = await candidate.AcquireAsync(default);
        store.Reaches = _ => false;
        time.SetForward = TimeSpan.FromHours(-1);
        Assert.True(leadership.IsHeld);
        time.Advance(TimeSpan.FromSeconds(31));
        Assert.False(leadership.IsHeld);
        Assert.True(leadership.StopRenewing() <= TimeSpan.Zero);
        await leadership.AbandonAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task Renewed_lease_counts_from_its_request_and_not_from_the_answer()
    {
        var time = new MachineClock();
        var store = new MemoryLeaseStore(time);
        await using var candidate = CandidateOf(store, time);
        using var leadership = await candidate.AcquireAsync(default);
        var renewal = TimeSpan.FromSeconds(10);
        await time.DueTimes.FirstAsync(due => due == renewal);
        store.Reaches = _ =>
        {
            time.Advance(TimeSpan.FromSeconds(4));
            return true;
        };
        time.Advance(renewal);
        await time.DueTimes.UntilAsync(all => all.Count(due => due == renewal) == 2, "it is renewed");
        Assert.Equal(TimeSpan.FromSeconds(26), leadership.StopRenewing());
        await leadership.AbandonAsync(TimeSpan.Zero);
    }

    [Fact]
    public async Task Leadership_that_expired_before_the_start_is_abandoned_without_a_start()
    {
        using var expired = new StubLeadership { Epoch = 1, IsHeld = false };
        using var current = new StubLeadership { Epoch = 2 };
        var started = new TaskCompletionSource<long?>();
        _watch.Body = context =>
        {
            started.TrySetResult(context.Epoch);
            return Task.CompletedTask;
        };
        await using var cluster = new TestCluster();
        await cluster.AddAsync("n0", more: services => services
            .AddSingleton(_watch)
            .AddSingleton<ILeaderElection>(new StubElection(expired, current))
            .AddUniqueProcess<Watched>("job", o => o.Mode = UniqueProcessMode.Consistent));

        Assert.Equal(2, await started.Task.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.True(expired.Abandoned.IsCompleted);
    }

    [Fact]
    public async Task Winner_whose_announcement_fails_runs_and_releases_its_lease()
    {
        // The status of a standby fits, that of the winner does not.
        await using var cluster = await StartAsync(1, configure: o => o.Limits.MaxMetaBytes = 50);
        await _watch.UntilAsync("n0 starts");
        await cluster.StopAsync(0);
        Assert.Equal(TimeSpan.Zero, _store.Remaining);
        Assert.Equal([1], _store.Given.Select(g => g.Epoch));
    }

    [Fact]
    public async Task Disposed_leadership_does_not_call_its_store()
    {
        var time = new TestTime();
        var log = new FakeLogger();
        var store = new MemoryLeaseStore(time);
        await using var candidate = CandidateOf(store, time, log);
        var leadership = (LeaseLeadership)await candidate.AcquireAsync(default);
        leadership.Dispose();
        await leadership.Renewing.WaitAsync(TestTimeout);
        Assert.Equal((0, 0), (store.Renewals, log.Collector.Count));
    }

    /// <summary>Returns a candidate for a lease of 30 s with a margin of 5 s.</summary>
    private static LeaseCandidate CandidateOf(MemoryLeaseStore store, TimeProvider time, ILogger? log = null)
    {
        var options = new UniqueProcessOptions
        {
            LeaseDuration = TimeSpan.FromSeconds(30),
            LeaseMargin = TimeSpan.FromSeconds(5),
        };
        return new(store, "n0", "job", options, time, new RateLimitedLogger(time), log ?? new FakeLogger());
    }

    private async Task<TestCluster> StartAsync(
        int nodes, TimeSpan? stopTimeout = null, int first = 0, Action<PresenceOptions>? configure = null)
    {
        var cluster = new TestCluster();
        for (var node = first; node < first + nodes; node++)
        {
            await cluster.AddAsync($"n{node}", configure, more: services => services
                .AddSingleton(_watch)
                .AddSingleton<ILeaseStore>(_store)
                .AddUniqueProcess<Watched>("job", o =>
                {
                    o.Mode = UniqueProcessMode.Consistent;
                    o.LeaseDuration = Lease;
                    o.StopTimeout = stopTimeout ?? TimeSpan.FromMilliseconds(500);
                }));
        }

        return cluster;
    }
}
