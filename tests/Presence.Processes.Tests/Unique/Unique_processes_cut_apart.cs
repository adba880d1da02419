using Presence.Harness.Histories;
using Presence.Harness.Networks;
using Presence.Harness.Unique;

namespace Presence.Processes.Tests.Unique;

/// <summary>
/// One member of three loses the database, and with it the others: at a relay, which works everywhere, and in a network namespace.
/// </summary>
[Collection(nameof(AloneOnTheMachine))]
[Trait("Category", "Engine.Postgres")]
public sealed class Unique_processes_cut_apart
{
    private const string Process = "job";

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_consistent_holder_stops_itself_before_anyone_else_starts_and_stands_by_after_the_heal(bool inNamespaces)
    {
        await using var site = await SiteAsync(inNamespaces);
        using var place = await site.EnterAsync(inNamespaces);
        await using var trio = await StartAsync(place, "Consistent");
        var first = await trio.UntilOneRunsAsync(Process);
        var old = trio.Running(Process).Single();

        await trio.CutAsync(first);
        await trio.UntilAsync("another runs it", () => trio.Holder(Process) is { } holder && holder != first);
        var second = await trio.UntilOneRunsAsync(Process);
        var ended = trio.History.Events.OfType<TermEnded>().Single(term => term.Term == old.Term);
        Assert.Equal("LeaseLost", ended.Reason);
        Assert.True(ended.At < trio.Running(Process).Single().At, trio.Story());

        await trio.HealAsync(first);
        await trio.TerminateAsync(second);
        await trio.UntilOneRunsAsync(Process);
        await trio.EndFlawlesslyAsync(Rules.Consistent);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Each_side_of_a_split_runs_an_available_one_and_the_heal_stops_the_younger_with_a_reason_that_it_sees(bool inNamespaces)
    {
        await using var site = await SiteAsync(inNamespaces);
        using var place = await site.EnterAsync(inNamespaces);
        await using var trio = await StartAsync(place, "Available");
        var first = await trio.UntilOneRunsAsync(Process);
        var (old, split) = (trio.Running(Process).Single(), trio.History.Now);

        await trio.CutAsync(first);
        await trio.UntilAsync("the other side starts one too", () => trio.Running(Process).Count == 2);
        var young = trio.Running(Process).Single(term => term.Term != old.Term);
        await BothDoSomethingAsync(trio, old, young);
        await trio.HealAsync(first);

        Assert.Equal(first, await trio.UntilOneRunsAsync(Process));
        Assert.Equal(old.Term, trio.Running(Process).Single().Term);
        Assert.Equal("NameConflict", trio.ReasonOf(Process, young.Member[1] - '1'));
        await trio.EndFlawlesslyAsync(Rules.Available with { Splits = [new Excuse(split, trio.History.Now)] });
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_member_that_is_alone_after_a_split_runs_an_available_one_of_its_own_and_gives_it_up_after_the_heal(bool inNamespaces)
    {
        await using var site = await SiteAsync(inNamespaces);
        using var place = await site.EnterAsync(inNamespaces);
        await using var trio = await StartAsync(place, "Available");
        var first = await trio.UntilOneRunsAsync(Process);
        var (alone, old, split) = ((first + 1) % 3, trio.Running(Process).Single(), trio.History.Now);

        await trio.CutAsync(alone);
        await trio.UntilAsync("the one that is alone starts one", () => trio.Running(Process).Count == 2);
        var young = trio.Running(Process).Single(term => term.Term != old.Term);
        Assert.Equal(UniqueTrio.Name(alone), young.Member);
        await BothDoSomethingAsync(trio, old, young);
        await trio.HealAsync(alone);

        Assert.Equal(first, await trio.UntilOneRunsAsync(Process));
        Assert.Equal("NameConflict", trio.ReasonOf(Process, alone));
        await trio.EndFlawlesslyAsync(Rules.Available with { Splits = [new Excuse(split, trio.History.Now)] });
    }

    private static async Task BothDoSomethingAsync(UniqueTrio trio, params TermBegan[] terms)
    {
        var since = trio.History.Now;
        await trio.UntilAsync("both do something", () => terms.All(term =>
            trio.History.FirstAfter<EffectTried>(since, effect => effect.Term == term.Term && effect.IsAccepted) is not null));
    }

    private static Task<Site> SiteAsync(bool inNamespaces)
    {
        if (inNamespaces)
        {
            TestNetwork.Require();
        }

        return Site.StartAsync(trios: 1, inNamespaces);
    }

    private static async Task<UniqueTrio> StartAsync(TrioPlace place, string mode)
    {
        var trio = new UniqueTrio(
            new UniqueTrioOptions
            {
                Schema = "apart",
                Mode = mode,
                Lease = Rules.Lease,
                Processes = [Process],
                ResourceAddress = place.ResourceAddress,
            },
            place.Lines);
        try
        {
            await trio.StartAsync();
            return trio;
        }
        catch
        {
            await trio.DisposeAsync();
            throw;
        }
    }
}
