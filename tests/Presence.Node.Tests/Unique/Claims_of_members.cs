namespace Presence.Node.Tests.Unique;

/// <summary>The contest as a pure machine: what members say to each other, and who runs.</summary>
public sealed class Claims_of_members
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void One_alone_runs_after_it_has_looked_around()
    {
        var contest = new ClaimModel(1, seed: 1);
        contest.Run(TimeSpan.FromMilliseconds(900));
        Assert.Empty(contest.Runners());
        contest.Run(TimeSpan.FromMilliseconds(300));
        Assert.Single(contest.Runners());
    }

    [Fact]
    public void One_that_does_not_hold_all_it_knows_of_claims_nothing()
    {
        var contest = new ClaimModel(1, seed: 1) { IsSynced = false };
        contest.Run(20 * Second);
        Assert.Empty(contest.Runners());
        contest.IsSynced = true;
        contest.Run(Second);
        Assert.Single(contest.Runners());
    }

    [Fact]
    public void A_claim_waits_until_all_have_named_it_twice()
    {
        var machine = new ClaimMachine("p", "a", "1", new UniqueProcessOptions { SettleTime = TimeSpan.Zero }, default);
        var other = new Claim { Node = "b", By = "2" };
        Assert.Equal(ClaimOutcome.None, machine.Step(default, 0, [other], true));
        Assert.Equal(ClaimState.Claim, machine.Own.State);
        Assert.Equal(ClaimOutcome.None, machine.Step(Second, 0, [other with { Saw = "b/2/1/1" }], true));
        Assert.Equal(1, machine.Own.Round);
        Assert.Equal(ClaimOutcome.None, machine.Step(Second, 0, [other with { Saw = machine.Own.Id }], true));
        Assert.Equal(2, machine.Own.Round);
        Assert.Equal(ClaimOutcome.None, machine.Step(2 * Second, 0, [other with { Saw = "a/1/1/1" }], true));
        Assert.Equal(ClaimOutcome.Start, machine.Step(2 * Second, 0, [other with { Saw = machine.Own.Id }], true));
        Assert.Equal(ClaimState.Run, machine.Own.State);
    }

    [Fact]
    public void A_participant_that_never_answers_delays_a_claim_and_does_not_stop_it()
    {
        var machine = new ClaimMachine("p", "a", "1", new UniqueProcessOptions(), default);
        var mute = new Claim { Node = "b", By = "2" };
        for (var now = TimeSpan.Zero; now < 10 * Second; now += Second)
        {
            Assert.Equal(ClaimOutcome.None, machine.Step(now, 0, [mute], true));
        }

        machine.Step(13 * Second, 0, [mute], true);
        Assert.Equal(ClaimState.Run, machine.Own.State);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void Of_members_that_see_each_other_one_runs_whatever_the_delays(int members)
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var contest = new ClaimModel(members, seed);
            contest.Run(30 * Second);
            Assert.True(contest.Runners().Count == 1, $"seed {seed}: {contest}");
            Assert.True(contest.Conflicts == 0 && contest.Starts == 1, $"seed {seed}: {contest}");
        }
    }

    [Fact]
    public void After_a_loss_another_runs_and_after_a_heal_only_the_older_term()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var contest = new ClaimModel(5, seed);
            contest.Run(20 * Second);
            var first = contest.Runners().Single();
            contest.Split(node => contest.Draw(3) == 0 || node == first);
            contest.Run(30 * Second);
            Assert.True(contest.Runners().Contains(first), $"seed {seed}: {contest}");
            Assert.True(contest.Runners().Count == contest.Sides, $"seed {seed}: one on each side: {contest}");
            contest.Heal();
            contest.Run(10 * Second);
            Assert.True(contest.Runners().SequenceEqual([first]), $"seed {seed}: {contest}");
        }
    }

    [Fact]
    public void A_crash_is_taken_over_once_and_not_before_the_place_was_vacant_for_a_while()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var contest = new ClaimModel(4, seed);
            contest.Run(20 * Second);
            contest.Crash(contest.Runners().Single());
            contest.Run(TimeSpan.FromMilliseconds(990));
            Assert.True(contest.Runners().Count == 0, $"seed {seed}: {contest}");
            contest.Run(20 * Second);
            Assert.True(contest.Runners().Count == 1 && contest.Starts == 2 && contest.Conflicts == 0, $"seed {seed}: {contest}");
        }
    }

    [Fact]
    public void What_is_left_reaches_the_one_that_takes_over()
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var contest = new ClaimModel(4, seed);
            contest.Run(20 * Second);
            var first = contest.Runners().Single();
            Assert.True(contest.Leave(first, [1, 2, 3]));
            contest.Run(5 * Second);
            var second = contest.Runners().Single();
            Assert.NotEqual(first, second);
            Assert.Equal([1, 2, 3], contest.InheritedBy(second));
        }
    }

    [Fact]
    public void One_that_paused_takes_part_again()
    {
        var contest = new ClaimModel(1, seed: 1);
        contest.Run(2 * Second);
        contest.StandBy(contest.Runners().Single(), pause: 10 * Second);
        contest.Run(9 * Second);
        Assert.Empty(contest.Runners());
        contest.Run(2 * Second);
        Assert.Single(contest.Runners());
    }
}
