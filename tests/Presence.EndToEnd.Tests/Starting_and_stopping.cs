using System.Net;

namespace Presence.EndToEnd.Tests;

/// <summary>Hosts of their own, started and ended by signals, on each engine.</summary>
public abstract class Starting_and_stopping(ThreeMembers members)
{
    [SkippableFact]
    public async Task SIGTERM_ends_three_members_in_order_in_under_five_seconds()
    {
        await using var silo = await SiloProcess.StartAsync(await members.OptionsAsync(3));
        var took = await silo.TerminateAsync();
        Assert.Equal(0, silo.ExitCode);
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silo.Output}");
    }

    [SkippableFact]
    public async Task SIGTERM_ends_members_with_clients_in_under_five_seconds_and_closes_with_1012()
    {
        await using var silo = await SiloProcess.StartAsync(await members.OptionsAsync(3));
        await NodeScripts.RunAsync("drain.mjs", silo.Members, async () =>
        {
            var took = await silo.TerminateAsync();
            Assert.Equal(0, silo.ExitCode);
            Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silo.Output}");
        });
    }

    [SkippableFact]
    public async Task Development_makes_up_one_password_for_all_members_and_prints_it()
    {
        await using var silo = await SiloProcess.StartAsync(await members.OptionsAsync(2), password: null);
        var password = silo.Output.Split("password ")[1].Split(' ')[0];
        foreach (var member in silo.Members)
        {
            using var http = new HttpClient { BaseAddress = new Uri(member) };
            http.DefaultRequestHeaders.Authorization = ThreeMembers.Basic("admin", password);
            using var response = await http.GetAsync("/api/topics");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Collection(nameof(EmbeddedMembers))]
    [Trait("Category", "Engine.Embedded")]
    public sealed class Embedded(EmbeddedMembers members) : Starting_and_stopping(members);

    [Collection(nameof(PostgresMembers))]
    [Trait("Category", "Engine.Postgres")]
    public sealed class Postgres(PostgresMembers members) : Starting_and_stopping(members);

    [Collection(nameof(OrleansMembers))]
    [Trait("Category", "Engine.Orleans")]
    public sealed class Orleans(OrleansMembers members) : Starting_and_stopping(members);
}
