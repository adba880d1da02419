using Presence.Harness.Databases;
using Presence.Harness.Histories;

namespace Presence.Processes.Tests.Faults;

/// <summary>The database that joins the members goes away and comes back.</summary>
[Trait("Category", "Engine.Postgres")]
public sealed class Members_without_their_database
{
    private const string Room = "room:cellar";

    private static readonly TimeSpan ConvergeWithin = TimeSpan.FromSeconds(10);

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task They_serve_reads_and_their_own_clients_and_converge_within_ten_seconds_of_its_return(bool killed)
    {
        await using var server = await PostgresServer.StartAsync();
        await using var run = await Run.StartAsync(
            await Harness.Members.MemberCluster.CreateAsync(OrleansUnderTest.Settings, server), Room);
        var left = run.Clients[0];
        await using var reads = Reads.Of(run.Clients[1..]);
        var away = run.History.Now;

        await (killed ? server.KillAsync() : server.StopAsync());
        await left.LeaveAsync();
        run.Clients.Remove(left);
        foreach (var member in run.Cluster.Living)
        {
            await run.JoinAsync(member, "meanwhile-" + member.Name);
        }

        await run.Clients[0].UpdateAsync();
        await server.StartAgainAsync();
        await Task.WhenAll(run.Clients.Select(client => client.UntilShownAsync(run.Clients, ConvergeWithin)));

        await reads.MustHaveBeenServedAsync();
        await run.SettleAsync();
        run.MustBeFlawless(new Excuse(away, run.History.Now));
    }
}
