namespace Presence.Processes.Tests.Faults;

/// <summary>One of three silos ends in each of the ways in which a process can end, or the database fails under all of them.</summary>
[Trait("Category", "Postgres")]
public sealed class SiloFaultTests(LoopbackSite site) : IClassFixture<LoopbackSite>
{
    /// <summary>A limit for what is not itself measured, on a busy machine.</summary>
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    [SkippableFact]
    public async Task Silo_that_is_asked_to_stop_takes_its_presences_along_within_a_second_and_a_half()
    {
        await using var run = await site.StartAsync("room:stop");
        var (leaver, stayers) = (run.Clients[2], run.Clients[..2]);
        var asked = run.History.Now;
        var stopped = leaver.Member.TerminateAsync();
        var gone = await Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
        Assert.All(gone, at => Assert.InRange((at - asked).TotalSeconds, 0, 1.5));
        Assert.InRange((await stopped).TotalSeconds, 0, 5);
        Assert.Equal(0, leaver.Member.ExitCode);
        Assert.Contains("1012", await leaver.Closed);
        Assert.DoesNotContain("sockets were still open", leaver.Member.Log, StringComparison.Ordinal);
        await UntilReportedByAllAsync(run, leaver.Member, MemberVerdict.Stopped);
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Silo_that_is_killed_takes_its_presences_along_within_a_second_of_its_death_being_declared()
    {
        await using var run = await site.StartAsync("room:kill");
        var (leaver, stayers) = (run.Clients[2], run.Clients[..2]);
        await leaver.Member.KillAsync();
        var watching = Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
        await SiloSite.UntilDeadAsync(run.Cluster, leaver.Member.Name);
        var declared = run.History.Now;
        var gone = await watching;
        Assert.All(gone, at => Assert.InRange((at - declared).TotalSeconds, double.MinValue, 1));
        await UntilReportedByAllAsync(run, leaver.Member, MemberVerdict.Dead, MemberVerdict.Down);
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Silo_that_is_suspended_past_its_death_adds_no_ghosts_when_it_resumes()
    {
        await using var run = await site.StartAsync("room:suspend");
        var (sleeper, stayers) = (run.Clients[2], run.Clients[..2]);
        sleeper.Member.Pause(pastItsDeath: true);
        await SiloSite.UntilDeadAsync(run.Cluster, sleeper.Member.Name);
        await Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
        sleeper.Member.Continue();
        await sleeper.Member.WaitForEndAsync(Generous);
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableTheory]
    [InlineData("stopped")]
    [InlineData("killed")]
    [InlineData("hung")]
    [InlineData("ends all sessions")]
    public async Task Silos_show_every_change_to_each_other_while_their_database_is(string fault)
    {
        await using var run = await site.StartAsync($"room:{fault.Replace(' ', '-')}");
        var left = run.Clients[0];
        await using var reads = Reads.Of(run.Clients[1..]);

        var (begin, end) = FaultOf(run, fault);
        await begin();
        await left.LeaveAsync();
        run.Clients.Remove(left);
        foreach (var member in run.Cluster.Living)
        {
            await run.JoinAsync(member, "meanwhile-" + member.Name);
        }

        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await Task.WhenAll(run.Clients.Select(client => client.UntilShownAsync(run.Clients, Generous)));
        await reads.UntilServedAsync(20);
        await end();

        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

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

    /// <summary>All others log it; their lines may arrive a little after what they sent to their clients.</summary>
    private static Task<TimeSpan> UntilReportedByAllAsync(Run run, MemberProcess about, params MemberVerdict[] verdicts)
    {
        var others = run.Clients.Select(client => client.Member.Name).Where(name => name != about.Name).ToHashSet();
        return Patience.UntilAsync(
            $"{string.Join(" and ", others)} say that {about.Name} is {string.Join(" or ", verdicts)}",
            Generous,
            () => others.IsSubsetOf(run.History.Events.OfType<MemberSaid>()
                .Where(said => said.About == about.Name && verdicts.Contains(said.Verdict))
                .Select(said => said.Member)));
    }
}
