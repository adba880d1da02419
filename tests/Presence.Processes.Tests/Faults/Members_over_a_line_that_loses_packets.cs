using Presence.Harness.Databases;
using Presence.Harness.Histories;
using Presence.Harness.Members;
using Presence.Harness.Networks;

namespace Presence.Processes.Tests.Faults;

/// <summary>One member of three reaches the database, and by it the others, over a line that loses one packet of five.</summary>
[Trait("Category", "Engine.Postgres")]
public sealed class Members_over_a_line_that_loses_packets
{
    private const string Room = "room:pier";
    private const string Database = "database";
    private const int LostOfHundred = 20;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    /// <summary>Enough for the tracker to take somebody for down, were it not for what it asks.</summary>
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(6);

    [SkippableFact]
    public async Task Nobody_is_lost_or_doubled_or_held_down_for_good_and_all_agree_afterwards()
    {
        PostgresServer.Require();
        PacketLoss.Require();
        await using var network = await TestNetwork.CreateAsync();
        var place = await network.AddAsync(Database);
        await using var server = await PostgresServer.StartAsync(
            new PostgresServerOptions { Address = place.Address, Prefix = place.Prefix, AllowedNetwork = "198.18.0.0/15" });
        await using var run = await Run.StartAsync(
            await MemberCluster.CreateAsync(OrleansUnderTest.Settings, server, network), Room);
        await using var reads = Reads.Of(run.Clients);
        var (unlucky, begun) = (run.Clients[2], run.History.Now);

        await network.LoseAsync(unlucky.Member.Name, Database, LostOfHundred);
        await BusyAsync(run);
        var lost = await network.RecoverAsync(unlucky.Member.Name, Database);
        var healed = run.History.Now;

        Assert.True(lost > 0, "No packet was lost.");
        await run.AllShownToAllAsync();
        await run.SettleAsync();
        await reads.MustHaveBeenServedAsync();
        AllHoldEachOtherUp(run);
        // TCP may wait as long again before it sends once more; whom that makes look down for a moment has to be back by now.
        run.MustBeFlawless(new Excuse(begun, healed + Lasts));
    }

    /// <summary>Somebody comes and somebody goes on each member, and all others update.</summary>
    private static async Task BusyAsync(Run run)
    {
        var end = Task.Delay(Lasts);
        for (var round = 0; !end.IsCompleted; round++)
        {
            var member = run.Cluster.Living[round % 3];
            await run.JoinAsync(member, $"guest-{round}");
            await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
            if (round % 2 == 1)
            {
                var guest = run.Clients[^2];
                await guest.LeaveAsync();
                run.Clients.Remove(guest);
            }

            await Task.WhenAny(end, Task.Delay(TimeSpan.FromMilliseconds(200)));
        }
    }

    private static void AllHoldEachOtherUp(Run run)
    {
        var last = run.History.Events.OfType<MemberSaid>().GroupBy(said => (said.Member, said.About)).Select(about => about.Last()).ToList();
        Assert.DoesNotContain(last, said => said.Verdict is MemberVerdict.Down or MemberVerdict.PermDown or MemberVerdict.Dead);
    }
}
