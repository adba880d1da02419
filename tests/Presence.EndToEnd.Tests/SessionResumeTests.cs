using Presence.Harness.Networks;

namespace Presence.EndToEnd.Tests;

/// <summary>Stock clients whose nodes restart resume their sessions; nobody sees a leave or a join of them.</summary>
public sealed class SessionResumeTests
{
    [SkippableFact]
    [Trait("Category", "Cluster")]
    public async Task Package_for_browsers_keeps_the_session_of_its_tab()
    {
        await NodeScripts.TestPackageAsync();
        await using var silo = await SiloProcess.StartAsync(["--nodes", "2", SiloProcess.Grace, "20s"]);
        await NodeScripts.RunAsync("presence-client.mjs", silo.Nodes);
    }

    [SkippableTheory]
    [Trait("Category", "Postgres")]
    [InlineData(60, 6, false)]
    [InlineData(60, 6, true)]
    public Task Nobody_sees_clients_that_resume_after(int clients, int rooms, bool kill) =>
        RunAsync(clients, rooms, kill);

    [SkippableTheory]
    [Trait("Category", "Postgres")]
    [Trait("Category", "Soak")]
    [InlineData(false)]
    [InlineData(true)]
    public Task Nobody_sees_a_thousand_clients_that_resume_after(bool kill) => RunAsync(1000, 20, kill);

    /// <param name="clients">The number of clients of three silos.</param>
    /// <param name="rooms">The number of their rooms.</param>
    /// <param name="kill">Whether one silo is killed; otherwise all three are stopped and restarted in turn.</param>
    private static async Task RunAsync(int clients, int rooms, bool kill)
    {
        NodeScripts.Require();
        var settings = new Dictionary<string, string> { ["Presence:Sessions:Grace"] = "20s" };
        await using var cluster = await NodeCluster.CreateAsync(settings);
        var nodes = await cluster.GrowToAsync(4);
        var quiet = nodes[3];
        await using var balancer = new Balancer(() => cluster.Living.Where(node => node != quiet));
        string[] arguments = [Authority(balancer.Address), Authority(quiet.Address), $"{clients}", $"{rooms}"];
        RoomClient? finished = null;
        await NodeScripts.RunAsync("sessions.mjs", arguments, async () =>
        {
            foreach (var node in nodes.Take(kill ? 1 : 3))
            {
                await (kill ? node.KillAsync() : node.TerminateAsync());
                if (!kill)
                {
                    await cluster.StartAgainAsync(node);
                }
            }

            finished = await RoomClient.JoinAsync(quiet, "room:done", "done", cluster.History);
        });
        await finished!.DisposeAsync();
    }

    private static string Authority(Uri address) => address.GetLeftPart(UriPartial.Authority);
}
