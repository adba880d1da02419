namespace Presence.Processes.Tests.Faults;

/// <summary>Silos in network namespaces: one of three is cut off from the others, from the database, or loses packets on all its lines.</summary>
[Trait("Category", "Postgres")]
public sealed class NetworkFaultTests(NamespaceSite site) : IClassFixture<NamespaceSite>
{
    private const int LostOfHundred = 20;

    /// <summary>Reads of each client during a short fault; it reads ten times a second, and a silo is declared dead after six seconds.</summary>
    private const int ShortFault = 20;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    [SkippableFact]
    public async Task Short_cut_between_silos_loses_and_doubles_nobody_and_both_sides_serve_reads_throughout()
    {
        await using var run = await site.StartAsync("room:short-cut");
        var (alone, others) = (run.Clients[2], run.Clients[..2]);
        await using var reads = Reads.Of(run.Clients);
        string[] lines = [.. Names(others)];
        await CutAsync(alone, lines);
        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await run.JoinAsync(others[0].Member, "meanwhile-here");
        await run.JoinAsync(alone.Member, "meanwhile-there");
        await reads.UntilServedAsync(ShortFault);
        await HealAsync(alone, lines);
        await run.AllShownToAllAsync();
        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Silo_cut_off_from_the_database_alone_shows_and_is_shown_every_change()
    {
        await using var run = await site.StartAsync("room:no-database");
        var alone = run.Clients[2];
        await using var reads = Reads.Of(run.Clients);
        await CutAsync(alone, SiloSite.Database);
        await run.JoinAsync(run.Clients[0].Member, "meanwhile-here");
        await run.JoinAsync(alone.Member, "meanwhile-there");
        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await run.AllShownToAllAsync();
        await reads.UntilServedAsync(ShortFault);
        await HealAsync(alone, SiloSite.Database);
        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Silo_cut_off_past_its_death_is_gone_with_its_presences_and_ends_itself_after_the_heal()
    {
        await using var run = await site.StartAsync("room:long-cut");
        var (alone, others) = (run.Clients[2], run.Clients[..2]);
        await using var reads = Reads.Of(run.Clients);
        string[] lines = [.. Names(others), SiloSite.Database];
        run.History.Add(new MemberEnded(run.History.Now, alone.Member.Name, MemberEnd.Killed));
        await CutAsync(alone, lines);
        await SiloSite.UntilDeadAsync(run.Cluster, alone.Member.Name);
        await Task.WhenAll(others.Select(client => client.UntilShownAsync(others, Generous)));
        await reads.MustHaveBeenServedAsync();
        await HealAsync(alone, lines);
        await alone.Member.WaitForEndAsync(Generous);
        await run.AllShownToAllAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Line_that_loses_a_fifth_of_its_packets_loses_and_doubles_nobody_and_all_silos_agree_afterwards()
    {
        PacketLoss.Require();
        await using var run = await site.StartAsync("room:loss");
        await using var reads = Reads.Of(run.Clients);
        var unlucky = run.Clients[2];
        string[] lines = [.. Names(run.Clients[..2]), SiloSite.Database];
        await site.Network!.LoseAsync(unlucky.Member.Name, lines, LostOfHundred);
        await ChangeAsync(run, rounds: 15);
        Assert.True((await site.Network.RecoverAsync(unlucky.Member.Name, lines)).Sum() > 0, "No packet was lost.");
        await run.AllShownToAllAsync();
        await run.SettleAsync();
        await reads.MustHaveBeenServedAsync();
        run.MustBeFlawless();
    }

    /// <summary>Somebody joins in each round, somebody leaves in every second one, and everybody updates.</summary>
    private static async Task ChangeAsync(Run run, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            await run.JoinAsync(run.Cluster.Living[round % 3], $"guest-{round}");
            await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
            if (round % 2 == 1)
            {
                var guest = run.Clients[^2];
                await guest.LeaveAsync();
                run.Clients.Remove(guest);
            }
        }
    }

    private Task CutAsync(RoomClient one, params string[] others) => site.Network!.CutAsync(one.Member.Name, others);

    private Task HealAsync(RoomClient one, params string[] others) => site.Network!.HealAsync(one.Member.Name, others);

    private static IEnumerable<string> Names(IEnumerable<RoomClient> clients) => clients.Select(client => client.Member.Name);
}
