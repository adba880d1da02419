using static Presence.Processes.Tests.Unique.UniqueFixture;

namespace Presence.Processes.Tests.Unique;

/// <summary>One silo of three is disconnected from the others and the database until it is declared dead.</summary>
[Trait("Category", "Postgres")]
public sealed class UniqueProcessIsolationTests(IsolatedUniqueFixture fixture) : IClassFixture<IsolatedUniqueFixture>
{
    [SkippableFact]
    public async Task Isolated_consistent_holder_stops_before_another_starts_and_its_node_ends_after_reconnection()
    {
        var trio = await fixture.StartAsync();
        var old = trio.Running(Consistent).Single();
        var (first, split) = (trio.Holder(Consistent)!.Value, trio.History.Now);
        await trio.TryIsolateAsync(first);
        await trio.UntilAsync("another runs it", () => trio.Holder(Consistent) is { } holder && holder != first);
        var ended = trio.History.Events.OfType<TermEnded>().Single(term => term.Term == old.Term);
        Assert.Equal("LeaseLost", ended.Reason);
        Assert.True(ended.At < trio.Running(Consistent).Single().At, trio.Story());
        await RejoinAsync(trio, first);
        await trio.UntilOneRunsAsync(Consistent, Available, Group);
        fixture.MustBeFlawless(new Excuse(split, trio.History.Now));
    }

    [SkippableFact]
    public async Task Each_side_of_a_partition_runs_an_available_process_and_the_dead_side_ends_after_reconnection()
    {
        var trio = await fixture.StartAsync();
        var old = trio.Running(Available).Single();
        var (first, split) = (trio.Holder(Available)!.Value, trio.History.Now);
        await trio.TryIsolateAsync(first);
        await trio.UntilAsync("the other side starts one too", () => trio.Running(Available).Count == 2);
        var young = trio.Running(Available).Single(term => term.Term != old.Term);
        var since = trio.History.Now;
        await trio.UntilAsync("both do something", () => new[] { old, young }.All(term =>
            trio.History.FirstAfter<EffectTried>(
                since, effect => effect.Term == term.Term && effect.IsAccepted) is not null));
        await RejoinAsync(trio, first);
        await trio.UntilOneRunsAsync(Available, Consistent, Group);
        Assert.Equal(young.Term, trio.Running(Available).Single().Term);
        fixture.MustBeFlawless(new Excuse(split, trio.History.Now));
    }

    [SkippableFact]
    public async Task Isolated_node_without_processes_moves_no_available_process()
    {
        var trio = await fixture.StartAsync();
        string[] processes = [Consistent, Available, Group];
        // The three processes may run on three nodes; a stopped node leaves its own to the others.
        var idle = Enumerable.Range(0, 3)
            .FirstOrDefault(node => processes.All(process => trio.Holder(process) != node), -1);
        if (idle < 0)
        {
            idle = trio.Holder(Group)!.Value;
            await trio.TerminateAsync(idle);
            await trio.StartNodeAsync(idle);
            await trio.UntilOneRunsAsync(processes);
        }

        var (before, split) = (trio.Running(Available).Single().Term, trio.History.Now);
        await trio.TryIsolateAsync(idle);
        await RejoinAsync(trio, idle);
        await trio.UntilOneRunsAsync(processes);

        Assert.Equal(before, trio.Running(Available).Single().Term);
        // If the grain was on its silo, it ran a process of its own meanwhile.
        fixture.MustBeFlawless(new Excuse(split, trio.History.Now));
    }

    private static async Task RejoinAsync(UniqueTrio trio, int node)
    {
        await trio.UntilDeclaredDeadAsync(node);
        await trio.RejoinAsync(node);
        await trio.UntilEndedAsync(node);
    }
}
