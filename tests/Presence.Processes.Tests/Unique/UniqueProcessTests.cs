using static Presence.Processes.Tests.Unique.UniqueFixture;

namespace Presence.Processes.Tests.Unique;

/// <summary>One fault at a time on three silos as processes, with the guarantees of each mode.</summary>
[Trait("Category", "Postgres")]
public sealed class UniqueProcessTests(RelayedUniqueFixture fixture) : IClassFixture<RelayedUniqueFixture>
{
    [SkippableTheory]
    [InlineData(Consistent)]
    [InlineData(Available)]
    public async Task Process_is_taken_over_when_its_holder_is_stopped(string process)
    {
        var trio = await fixture.StartAsync();
        var first = trio.Holder(process)!.Value;
        await trio.TerminateAsync(first);
        Assert.NotEqual(first, await trio.UntilOneRunsAsync(process));
        Assert.Equal("Shutdown", trio.ReasonOf(process, first));
        fixture.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Group_runs_on_one_node_and_moves_together()
    {
        var trio = await fixture.StartAsync();
        var first = trio.Holder(Group)!.Value;
        await trio.UntilAsync(
            "its companion runs beside it",
            () => trio.Log(first).Contains($"companion began {Group}", StringComparison.Ordinal));
        await trio.TerminateAsync(first);
        Assert.Contains($"companion ended {Group}", trio.Log(first), StringComparison.Ordinal);
        var second = await trio.UntilOneRunsAsync(Group);
        await trio.UntilAsync(
            "its companion has moved too",
            () => trio.Log(second).Contains($"companion began {Group}", StringComparison.Ordinal));
        fixture.MustBeFlawless();
    }

    [SkippableFact]
    public Task Killed_holder_of_a_consistent_process_is_replaced_within_the_lease_plus_two_seconds() =>
        TimeBound.MustHoldAsync("The takeover", Rules.Lease + TimeSpan.FromSeconds(2), async _ =>
        {
            var trio = await fixture.StartAsync();
            var first = trio.Holder(Consistent)!.Value;
            var before = trio.History.Now;
            await trio.KillAsync(first);
            var killed = trio.History.FirstAfter<NodeEnded>(before, _ => true)!.Value;
            await trio.UntilOneRunsAsync(Consistent);
            fixture.MustBeFlawless();
            return trio.Running(Consistent).Single().At - killed;
        });

    [SkippableFact]
    public async Task Killed_holder_of_an_available_process_is_replaced_once_it_is_declared_dead()
    {
        var trio = await fixture.StartAsync();
        var first = trio.Holder(Available)!.Value;
        await trio.KillAsync(first);
        Assert.NotEqual(first, await trio.UntilOneRunsAsync(Available));
        fixture.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Holder_suspended_beyond_its_lease_is_rejected_by_the_resource_and_stops_with_LeaseLost()
    {
        var trio = await fixture.StartAsync();
        var old = trio.Running(Consistent).Single();
        var first = trio.Holder(Consistent)!.Value;
        trio.Pause(first);
        await trio.UntilAsync("another runs it and has done something", () => trio.History
            .FirstAfter<EffectTried>(
                old.At,
                effect => effect.Process == Consistent && effect.Epoch > old.Epoch && effect.IsAccepted) is not null);
        trio.Continue(first);
        TermEnded? ended = null;
        await trio.UntilAsync("the first has learnt of it", () =>
            (ended = trio.History.Events.OfType<TermEnded>()
                .FirstOrDefault(term => term.Term == old.Term)) is not null);
        Assert.Equal("LeaseLost", ended!.Reason);
        Assert.NotNull(trio.History.FirstAfter<EffectTried>(
            TimeSpan.Zero, effect => effect.Term == old.Term && !effect.IsAccepted));
        Assert.NotEqual(first, await trio.UntilOneRunsAsync(Consistent));
        fixture.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Consistent_holder_without_its_database_stops_before_another_starts_and_is_on_standby_later()
    {
        var trio = await fixture.StartAsync();
        var old = trio.Running(Consistent).Single();
        var first = trio.Holder(Consistent)!.Value;
        await trio.CutAsync(first);
        await trio.UntilAsync("another runs it", () => trio.Holder(Consistent) is { } holder && holder != first);
        var ended = trio.History.Events.OfType<TermEnded>().Single(term => term.Term == old.Term);
        Assert.Equal("LeaseLost", ended.Reason);
        Assert.True(ended.At < trio.Running(Consistent).Single().At, trio.Story());
        await trio.HealAsync(first);
        await Task.WhenAll(Enumerable.Range(0, 3).Where(node => node != first).Select(trio.TerminateAsync));
        Assert.Equal(first, await trio.UntilOneRunsAsync(Consistent));
        fixture.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Database_outage_stops_a_consistent_process_but_not_an_available_one()
    {
        var trio = await fixture.StartAsync();
        var (before, goesOn) = (trio.Running(Consistent).Single(), trio.Running(Available).Single());
        trio.Outage(isDown: true);
        await fixture.Site.Server.KillAsync();
        await trio.UntilAsync("it has ended", () => trio.Running(Consistent).Count == 0);
        var ended = trio.History.Now;
        await trio.UntilAsync("the other goes on", () => trio.History
            .FirstAfter<EffectTried>(ended, effect => effect.Term == goesOn.Term && effect.IsAccepted) is not null);
        await fixture.Site.Server.StartAgainAsync();
        trio.Outage(isDown: false);
        await trio.UntilOneRunsAsync(Consistent, Group);
        Assert.True(trio.Running(Consistent).Single().Epoch > before.Epoch);
        fixture.MustBeFlawless();
    }
}
