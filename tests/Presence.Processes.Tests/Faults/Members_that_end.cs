using Presence.Harness;
using Presence.Harness.Histories;
using Presence.Harness.Members;

namespace Presence.Processes.Tests.Faults;

/// <summary>One of three processes is ended in each of the ways in which a process can end.</summary>
public abstract class Members_that_end : EngineUnderTest
{
    private protected Members_that_end(TestedEngine engine)
        : base(engine)
    {
    }

    private const string Room = "room:hall";

    [SkippableFact]
    public async Task A_member_that_is_asked_to_stop_takes_its_presences_along_within_a_second_and_a_half()
    {
        await using var run = await Run.StartAsync(await ClusterAsync(), Room);
        var (leaver, stayers) = (run.Clients[2], run.Clients[..2]);
        var asked = run.History.Now;

        var stopped = leaver.Member.TerminateAsync();
        var gone = await Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));

        Assert.All(gone, at => Assert.InRange((at - asked).TotalSeconds, 0, 1.5));
        Assert.InRange((await stopped).TotalSeconds, 0, 5);
        Assert.Equal(0, leaver.Member.ExitCode);
        Assert.Contains("1012", await leaver.Closed);
        await SaidByAllAsync(run, leaver.Member, MemberVerdict.Stopped);
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task A_member_that_is_killed_takes_its_presences_along_when_the_engine_notices()
    {
        await using var run = await Run.StartAsync(await ClusterAsync(), Room);
        var (leaver, stayers) = (run.Clients[2], run.Clients[..2]);

        await leaver.Member.KillAsync();
        var watching = Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
        await EngineNoticesAsync(run.Cluster, leaver.Member.Name);
        var noticed = run.History.Now;
        var gone = await watching;

        Assert.All(gone, at => Assert.InRange((at - noticed).TotalSeconds, double.MinValue, 1));
        await SaidByAllAsync(run, leaver.Member, MemberVerdict.Dead, MemberVerdict.Down);
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task A_member_that_sleeps_through_its_death_adds_no_ghosts_when_it_wakes()
    {
        await using var run = await Run.StartAsync(await ClusterAsync(), Room);
        var (sleeper, stayers) = (run.Clients[2], run.Clients[..2]);
        var asleep = run.History.Now;

        sleeper.Member.Pause(pastItsDeath: DeathIsFinal);
        await EngineNoticesAsync(run.Cluster, sleeper.Member.Name);
        await Task.WhenAll(stayers.Select(client => client.UntilShownAsync(stayers, Generous)));
        sleeper.Member.Continue();
        if (DeathIsFinal)
        {
            await sleeper.Member.WaitForEndAsync(Generous);
        }
        else
        {
            await Task.WhenAll(run.Clients.Select(client => client.UntilShownAsync(run.Clients, Generous)));
        }

        await run.SettleAsync();
        run.MustBeFlawless(DeathIsFinal ? [] : [new Excuse(asleep, run.History.Now)]);
    }

    /// <summary>All others say so; their lines may arrive a little after what they sent to their clients.</summary>
    private static Task<TimeSpan> SaidByAllAsync(Run run, MemberProcess about, params MemberVerdict[] verdicts)
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

[Trait("Category", "Engine.Orleans")]
public sealed class Silos_that_end() : Members_that_end(OrleansUnderTest.Engine);
