namespace Presence.Node.Tests.Unique;

/// <summary>The end of a unique process and what follows it, with an election that the test decides.</summary>
public sealed class UniqueRunnerTests
{
    private readonly Watch _watch = new();

    [Fact]
    public async Task Abandoned_process_must_end_before_another_instance_starts_on_its_node()
    {
        using var lost = new CancellationTokenSource();
        var abandoning = new TaskCompletionSource();
        using var first = new StubLeadership { LostToken = lost.Token, Abandoning = abandoning.Task };
        using var second = new StubLeadership { Epoch = 2 };
        var election = new StubElection(first, second);
        var end = new TaskCompletionSource();
        _watch.Body = context => context.Epoch == 1 ? end.Task : Task.CompletedTask;
        await using var cluster = await StartAsync(election, o => o.StopTimeout = TimeSpan.FromMilliseconds(1));
        await _watch.UntilAsync("n0 starts");
        await lost.CancelAsync();
        await first.Abandoned.WaitAsync(TestTimeout);

        // Without a synchronization context the node continues, up to its next wait, before this returns.
        await Task.Run(abandoning.SetResult);
        Assert.Equal(1, election.Requests);
        end.SetResult();
        await _watch.UntilAsync(seen => seen.Count == 3, "the second starts");
        Assert.Equal(["n0 starts", "n0 ends: LeaseLost", "n0 starts"], _watch.Seen);
        Assert.Equal(1, _watch.MaxAtOnce);
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "state")]
    public async Task Crashed_process_hands_over_no_state(bool crashes, string state)
    {
        _watch.Body = context =>
        {
            context.SetHandoverState("state"u8.ToArray());
            return crashes ? Task.FromException(new InvalidTimeZoneException()) : Task.CompletedTask;
        };
        using var leadership = new StubLeadership();
        await using var cluster = await StartAsync(new StubElection(leadership));
        await _watch.UntilAsync("n0 starts");
        if (!crashes)
        {
            await cluster.StopAsync(0);
        }

        Assert.Equal(state, (await leadership.Ended.FirstAsync(_ => true)).State);
    }

    [Fact]
    public async Task Pause_after_consecutive_crashes_doubles_up_to_its_maximum()
    {
        _watch.Body = _ => Task.FromException(new InvalidTimeZoneException());
        var crashes = Enumerable.Range(0, 4).Select(_ => new StubLeadership()).ToArray();
        // Longer than the test may run: a process that ran for longer begins again with the shortest pause.
        await using var cluster = await StartAsync(new StubElection(crashes), o =>
        {
            o.RestartDelay = TimeSpan.FromHours(1);
            o.MaxRestartDelay = TimeSpan.FromHours(3);
        });
        await crashes[^1].Ended.CountAsync(1);
        Assert.Equal([1, 2, 3, 3], crashes.Select(c => Assert.Single(c.Ended.All).Pause.TotalHours));
    }

    private async Task<TestCluster> StartAsync(
        StubElection election, Action<UniqueProcessOptions>? configure = null)
    {
        var cluster = new TestCluster();
        await cluster.AddAsync("n0", more: services => services
            .AddSingleton(_watch)
            .AddSingleton<ILeaderElection>(election)
            .AddUniqueProcess<Watched>("job", o =>
            {
                o.Mode = UniqueProcessMode.Consistent;
                configure?.Invoke(o);
            }));
        return cluster;
    }
}
