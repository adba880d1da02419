namespace Presence.Processes.Tests.Faults;

/// <summary>One of three silos in network namespaces is disconnected, or loses packets on all links.</summary>
[Trait("Category", "Postgres")]
public sealed class NetworkFaultTests(NamespaceSite site) : IClassFixture<NamespaceSite>
{
    private const int LostOfHundred = 20;

    /// <summary>Reads of each client during a short fault: ten a second; death is declared after 6 s.</summary>
    private const int ShortFault = 20;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    [SkippableFact]
    public async Task Short_cut_between_silos_loses_and_duplicates_no_presence_and_both_sides_serve_reads()
    {
        await using var run = await site.StartAsync("room:short-cut");
        var (alone, others) = (run.Clients[2], run.Clients[..2]);
        await using var reads = Reads.Of(run.Clients);
        string[] lines = [.. Names(others)];
        await CutAsync(alone, lines);
        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await run.JoinAsync(others[0].Node, "meanwhile-here");
        await run.JoinAsync(alone.Node, "meanwhile-there");
        await reads.UntilServedAsync(ShortFault);
        await HealAsync(alone, lines);
        await run.AllShownToAllAsync();
        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Silo_disconnected_from_the_database_alone_exchanges_every_change()
    {
        await using var run = await site.StartAsync("room:no-database");
        var alone = run.Clients[2];
        await using var reads = Reads.Of(run.Clients);
        await CutAsync(alone, SiloSite.Database);
        await run.JoinAsync(run.Clients[0].Node, "meanwhile-here");
        await run.JoinAsync(alone.Node, "meanwhile-there");
        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await run.AllShownToAllAsync();
        await reads.UntilServedAsync(ShortFault);
        await HealAsync(alone, SiloSite.Database);
        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Silo_disconnected_past_its_death_leaves_with_its_presences_and_ends_itself_after_reconnection()
    {
        await using var run = await site.StartAsync("room:long-cut");
        var (alone, others) = (run.Clients[2], run.Clients[..2]);
        await using var reads = Reads.Of(run.Clients);
        string[] lines = [.. Names(others), SiloSite.Database];
        run.History.Add(new NodeEnded(run.History.Now, alone.Node.Name, NodeEndReason.Killed));
        await CutAsync(alone, lines);
        await SiloSite.UntilDeadAsync(run.Cluster, alone.Node.Name);
        await Task.WhenAll(others.Select(client => client.UntilShownAsync(others, Generous)));
        await reads.MustHaveBeenServedAsync();
        await HealAsync(alone, lines);
        await alone.Node.WaitForEndAsync(Generous);
        await run.AllShownToAllAsync();
        await run.SettleAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task Link_that_drops_a_fifth_of_its_packets_loses_and_duplicates_no_presence()
    {
        PacketLoss.Require();
        await using var run = await site.StartAsync("room:loss");
        await using var reads = Reads.Of(run.Clients);
        var affected = run.Clients[2];
        string[] lines = [.. Names(run.Clients[..2]), SiloSite.Database];
        await site.Network!.LoseAsync(affected.Node.Name, lines, LostOfHundred);
        await ChangeAsync(run, rounds: 15);
        Assert.True((await site.Network.RecoverAsync(affected.Node.Name, lines)).Sum() > 0, "No packet was dropped.");
        await run.AllShownToAllAsync();
        await run.SettleAsync();
        await reads.MustHaveBeenServedAsync();
        run.MustBeFlawless();
    }

    /// <summary>A user joins in each round, another leaves in every second round, and all update.</summary>
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

    private Task CutAsync(RoomClient one, params string[] others) => site.Network!.CutAsync(one.Node.Name, others);

    private Task HealAsync(RoomClient one, params string[] others) => site.Network!.HealAsync(one.Node.Name, others);

    private static IEnumerable<string> Names(IEnumerable<RoomClient> clients) =>
        clients.Select(client => client.Node.Name);
}
