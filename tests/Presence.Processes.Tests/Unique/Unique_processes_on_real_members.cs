using Presence.Harness.Databases;
using Presence.Harness.Histories;
using Presence.Harness.Members;
using Presence.Harness.Unique;

namespace Presence.Processes.Tests.Unique;

/// <summary>One fault at a time, on three processes, with what each mode promises of it.</summary>
/// <param name="engine">What joins them.</param>
public abstract class Unique_processes_on_real_members(string engine) : IAsyncLifetime
{
    private protected const string Process = "job";
    private const string Group = "pair";

    private static int s_schemas;

    private PostgresServer _server = null!;

    public async Task InitializeAsync() => _server = PostgresBinaries.Missing is null ? await PostgresServer.SharedAsync() : null!;

    public Task DisposeAsync() => Task.CompletedTask;

    [SkippableTheory]
    [InlineData("Available")]
    [InlineData("Consistent")]
    public async Task It_is_started_once_and_taken_over_with_its_group_when_the_holder_is_asked_to_stop(string mode)
    {
        await using var trio = await StartAsync(mode);
        var first = await trio.UntilOneRunsAsync(Process, Group);

        await trio.TerminateAsync(first);

        var second = await trio.UntilOneRunsAsync(Process);
        Assert.NotEqual(first, second);
        Assert.Equal("Shutdown", trio.ReasonOf(Process, first));
        await trio.EndFlawlesslyAsync(RulesOf(mode));
    }

    [SkippableFact]
    public async Task A_group_runs_on_one_member_and_moves_as_one()
    {
        await using var trio = await StartAsync("Consistent");
        await trio.UntilOneRunsAsync(Group);
        var first = trio.Holder(Group)!.Value;
        await trio.UntilAsync("its companion runs beside it", () => trio.Log(first).Contains($"companion began {Group}", StringComparison.Ordinal));

        await trio.TerminateAsync(first);

        Assert.Contains($"companion ended {Group}", trio.Log(first), StringComparison.Ordinal);
        await trio.UntilOneRunsAsync(Group);
        var second = trio.Holder(Group)!.Value;
        await trio.UntilAsync("its companion has moved too", () => trio.Log(second).Contains($"companion began {Group}", StringComparison.Ordinal));
        await trio.EndFlawlesslyAsync(Rules.Consistent);
    }

    [SkippableFact]
    public async Task A_holder_that_is_killed_is_replaced_within_the_lease_plus_two_seconds()
    {
        await using var trio = await StartAsync("Consistent");
        var first = await trio.UntilOneRunsAsync(Process);

        await trio.KillAsync(first);

        var killed = trio.History.FirstAfter<MemberEnded>(TimeSpan.Zero, _ => true)!.Value;
        await trio.UntilOneRunsAsync(Process);
        var taken = trio.Running(Process).Single().At - killed;
        Assert.True(taken <= Rules.Lease + TimeSpan.FromSeconds(2), $"It took {taken.TotalSeconds:0.00} s.\n{trio.Story()}");
        await trio.EndFlawlesslyAsync(Rules.Consistent);
    }

    [SkippableFact]
    public async Task A_holder_that_is_killed_is_replaced_in_available_mode_once_it_is_held_down()
    {
        await using var trio = await StartAsync("Available");
        var first = await trio.UntilOneRunsAsync(Process);

        await trio.KillAsync(first);

        Assert.NotEqual(first, await trio.UntilOneRunsAsync(Process));
        await trio.EndFlawlesslyAsync(RulesOf("Available"));
    }

    [SkippableFact]
    public async Task A_holder_that_stood_still_beyond_its_lease_is_refused_by_the_resource_and_learns_that_it_has_lost()
    {
        await using var trio = await StartAsync("Consistent");
        var first = await trio.UntilOneRunsAsync(Process);
        var old = trio.Running(Process).Single();

        trio.Pause(first);
        await trio.UntilAsync("another runs it and has done something", () => trio.History
            .FirstAfter<EffectTried>(old.At, effect => effect.Process == Process && effect.Epoch > old.Epoch && effect.IsAccepted) is not null);
        trio.Continue(first);

        await trio.UntilAsync("the first has learnt of it", () => trio.ReasonOf(Process, first) is not null);
        Assert.Equal("LeaseLost", trio.ReasonOf(Process, first));
        Assert.NotNull(trio.History.FirstAfter<EffectTried>(TimeSpan.Zero, effect => effect.Term == old.Term && !effect.IsAccepted));
        Assert.NotEqual(first, await trio.UntilOneRunsAsync(Process));
        await trio.EndFlawlesslyAsync(Rules.Consistent);
    }

    private protected async Task<UniqueTrio> StartAsync(string mode, PostgresServer? server = null)
    {
        PostgresServer.Require();
        var trio = new UniqueTrio(
            new UniqueTrioOptions
            {
                Engine = engine,
                Schema = $"unique{Interlocked.Increment(ref s_schemas)}",
                Mode = mode,
                Lease = Rules.Lease,
                Processes = [Process],
                Groups = [Group],
            },
            [.. Enumerable.Range(0, 3).Select(_ => new RelayedLine(server ?? _server, "postgres"))]);
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

    private UniqueRules RulesOf(string mode) => engine == "orleans" && mode == "Available" ? Rules.AvailableOnSilos : Rules.Of(mode);
}

[Collection(nameof(AloneOnTheMachine))]
[Trait("Category", "Engine.Postgres")]
public sealed class Unique_processes_over_postgres() : Unique_processes_on_real_members("postgres")
{
    [SkippableFact]
    public async Task While_the_database_is_away_a_consistent_process_runs_nowhere_and_an_available_one_goes_on()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var consistent = await StartAsync("Consistent", server);
        await using var available = await StartAsync("Available", server);
        await consistent.UntilOneRunsAsync(Process);
        await available.UntilOneRunsAsync(Process);
        var (before, goesOn) = (consistent.Running(Process).Single(), available.Running(Process).Single());

        await server.KillAsync();
        await consistent.UntilAsync("it has ended", () => consistent.Running(Process).Count == 0);
        var ended = available.History.Now;
        await available.UntilAsync("the other goes on", () => available.History
            .FirstAfter<EffectTried>(ended, effect => effect.Term == goesOn.Term && effect.IsAccepted) is not null);
        await server.StartAgainAsync();
        await consistent.UntilOneRunsAsync(Process);

        Assert.True(consistent.Running(Process).Single().Epoch > before.Epoch);
        Assert.Empty(HistoryChecker.Check(consistent.History.Events));
    }
}

[Collection(nameof(AloneOnTheMachine))]
[Trait("Category", "Engine.Orleans")]
public sealed class Unique_processes_on_silos() : Unique_processes_on_real_members("orleans");
