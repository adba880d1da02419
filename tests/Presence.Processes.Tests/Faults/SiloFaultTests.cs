namespace Presence.Processes.Tests.Faults;

/// <summary>One of three silos ends in each possible way, or the database fails for all.</summary>
[Trait("Category", "Postgres")]
public sealed class SiloFaultTests(LoopbackSite site) : IClassFixture<LoopbackSite>
{
    /// <summary>A limit for what is not itself measured, on a busy machine.</summary>
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan MaxStop = TimeSpan.FromSeconds(5);

    [SkippableFact]
    public Task Presences_of_a_stopped_silo_leave_within_a_second_and_a_half() =>
        TimeBound.MustHoldAsync("The leaves of a stopped silo", TimeSpan.FromSeconds(1.5), async _ =>
        {
            await using var run = await site.StartAsync("room:stop");
            var (leaver, stayers) = (run.Clients[2], run.Clients[..2]);
            var asked = run.History.Now;
            var stopping = leaver.Node.TerminateAsync();
            var gone = await Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
            await stopping;
            Assert.Equal(0, leaver.Node.ExitCode);
            Assert.Contains("1012", await leaver.Closed);
            Assert.DoesNotContain("sockets were still open", leaver.Node.Log, StringComparison.Ordinal);
            await UntilReportedByAllAsync(run, leaver.Node, NodeVerdict.Stopped);
            run.MustBeFlawless();
            return gone.Max() - asked;
        });

    [SkippableFact]
    public Task Silo_with_clients_stops_in_five_seconds() =>
        TimeBound.MustHoldAsync("The stop of a silo with clients", MaxStop, async _ =>
        {
            await using var run = await site.StartAsync("room:stop-in-time");
            var stopped = await run.Clients[2].Node.TerminateAsync();
            await UntilReportedByAllAsync(run, run.Clients[2].Node, NodeVerdict.Stopped);
            run.MustBeFlawless();
            return stopped;
        });

    [SkippableFact]
    public Task Presences_of_a_killed_silo_leave_within_a_second_of_its_declared_death() =>
        TimeBound.MustHoldAsync("The leaves of a killed silo", TimeSpan.FromSeconds(1), async _ =>
        {
            await using var run = await site.StartAsync("room:kill");
            var (leaver, stayers) = (run.Clients[2], run.Clients[..2]);
            await leaver.Node.KillAsync();
            var watching = Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
            await SiloSite.UntilDeadAsync(run.Cluster, leaver.Node.Name);
            var declared = run.History.Now;
            var gone = await watching;
            await UntilReportedByAllAsync(run, leaver.Node, NodeVerdict.Dead, NodeVerdict.Down);
            run.MustBeFlawless();
            return gone.Max() - declared;
        });

    [SkippableFact]
    public async Task Silo_suspended_past_its_death_adds_no_ghosts_when_it_resumes()
    {
        await using var run = await site.StartAsync("room:suspend");
        var (sleeper, stayers) = (run.Clients[2], run.Clients[..2]);
        sleeper.Node.Pause(pastItsDeath: true);
        await SiloSite.UntilDeadAsync(run.Cluster, sleeper.Node.Name);
        await Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
        sleeper.Node.Continue();
        await sleeper.Node.WaitForEndAsync(Generous);
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableTheory]
    [InlineData("stopped")]
    [InlineData("killed")]
    [InlineData("hung")]
    [InlineData("ends all sessions")]
    public async Task Silos_exchange_every_change_while_their_database(string fault)
    {
        await using var run = await site.StartAsync($"room:{fault.Replace(' ', '-')}");
        var left = run.Clients[0];
        await using var reads = Reads.Of(run.Clients[1..]);

        var (begin, end) = FaultOf(run, fault);
        await begin();
        await left.LeaveAsync();
        run.Clients.Remove(left);
        foreach (var node in run.Cluster.Living)
        {
            await run.JoinAsync(node, "meanwhile-" + node.Name);
        }

        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await Task.WhenAll(run.Clients.Select(client => client.UntilShownAsync(run.Clients, Generous)));
        await reads.UntilServedAsync(20);
        await end();

        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableTheory]
    [InlineData("stopped")]
    [InlineData("killed")]
    [InlineData("hung")]
    public Task Silo_stops_in_five_seconds_while_its_database_is(string fault) =>
        TimeBound.MustHoldAsync($"The stop of a silo whose database is {fault}", MaxStop, async _ =>
        {
            await using var run = await site.StartAsync($"room:stop-{fault}");
            var leaver = run.Clients[2];
            var (begin, end) = FaultOf(run, fault);
            await begin();
            var stopped = await leaver.Node.TerminateAsync();
            Assert.Equal(0, leaver.Node.ExitCode);
            await UntilReportedByAllAsync(run, leaver.Node, NodeVerdict.Stopped);
            await end();
            await run.SettleAsync();
            run.MustBeFlawless();
            return stopped;
        });

    private (Func<Task> Begin, Func<Task> End) FaultOf(Run run, string fault) => fault switch
    {
        "stopped" => (site.Server.StopAsync, site.Server.StartAgainAsync),
        "killed" => (site.Server.KillAsync, site.Server.StartAgainAsync),
        "hung" => (Do(site.Server.Pause), Do(site.Server.Continue)),
        _ => (run.Cluster.Database.EndSessionsAsync, Do(() => { })),
    };

    private static Func<Task> Do(Action act) => () =>
    {
        act();
        return Task.CompletedTask;
    };

    /// <summary>Waits until all others have logged the verdict, which may arrive shortly after the changes.</summary>
    private static Task<TimeSpan> UntilReportedByAllAsync(Run run, NodeProcess about, params NodeVerdict[] verdicts)
    {
        var others = run.Clients.Select(client => client.Node.Name).Where(name => name != about.Name).ToHashSet();
        return TestTimeouts.UntilAsync(
            $"{string.Join(" and ", others)} report {about.Name} as {string.Join(" or ", verdicts)}",
            Generous,
            () => others.IsSubsetOf(run.History.Events.OfType<VerdictReported>()
                .Where(report => report.About == about.Name && verdicts.Contains(report.Verdict))
                .Select(report => report.Node)));
    }
}
