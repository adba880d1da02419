namespace Presence.EndToEnd.Tests;

/// <summary>Hosts of their own, started and ended by signals.</summary>
[Trait("Category", "Cluster")]
public sealed class StartStopTests
{
    [SkippableFact]
    public async Task SIGTERM_ends_nodes_with_clients_in_under_five_seconds_and_closes_with_1012()
    {
        await using var silo = await SiloProcess.StartAsync(ThreeSilos.Options);
        await NodeScripts.RunAsync("drain.mjs", silo.Nodes, async () =>
        {
            var took = await silo.TerminateAsync();
            Assert.Equal(0, silo.ExitCode);
            Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silo.Output}");
        });
    }

    [SkippableFact]
    public async Task Development_generates_one_password_for_all_nodes_and_prints_it()
    {
        await using var silo = await SiloProcess.StartAsync(["--nodes", "2"], password: null);
        var password = silo.Output.Split("password ")[1].Split(' ')[0];
        foreach (var node in silo.Nodes)
        {
            using var http = new HttpClient { BaseAddress = new Uri(node) };
            http.DefaultRequestHeaders.Authorization = ThreeSilos.Basic("admin", password);
            using var response = await http.GetAsync("/api/topics");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }
}
