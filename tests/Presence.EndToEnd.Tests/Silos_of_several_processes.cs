namespace Presence.EndToEnd.Tests;

[Trait("Category", "Cluster")]
public sealed class Silos_of_several_processes
{
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Come_to_the_primary_and_go_again()
    {
        await using var primary = await SiloProcess.StartAsync(["--Presence:NodeName", "node-1"]);
        await using var second = await SiloProcess.StartAsync(
            ["--Presence:Orleans:Primary", $"127.0.0.1:{primary.SiloPorts[0]}", "--Presence:NodeName", "node-2"]);
        await UntilMembersAsync(primary, "node-1", "node-2");
        await UntilMembersAsync(second, "node-1", "node-2");
        var took = await second.TerminateAsync();
        Assert.Equal(0, second.ExitCode);
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{second.Output}");
        await UntilMembersAsync(primary, "node-1");
    }

    [Fact]
    public async Task Need_nothing_but_a_port_and_say_how_others_join()
    {
        var cluster = $"test-{Guid.NewGuid():n}";
        var port = FreePort();
        await using var first = await SiloProcess.StartAsync(["--urls", $"http://127.0.0.1:{port}", "--Presence:Orleans:ClusterId", cluster]);
        Assert.Contains("this process forms a cluster of its own", first.Output, StringComparison.Ordinal);
        Assert.Contains(
            $"others join with --Presence:Orleans:Primary 127.0.0.1:{first.SiloPorts[0]}", first.Output, StringComparison.Ordinal);
        await UntilMembersAsync(first, $"node-{port - 3999}");
    }

    [Fact]
    public async Task Do_not_take_a_silo_for_the_primary_that_is_none()
    {
        await using var others = await SiloProcess.StartAsync(["--nodes", "2"]);
        var result = await SiloProcess.RunAsync(
            ["--urls", "http://127.0.0.1:0", "--Presence:Orleans:Primary", $"127.0.0.1:{others.SiloPorts[1]}"]);
        Assert.Equal(1, result.ExitCode);
        HostInProcess.Fails($"The silo at 127.0.0.1:{others.SiloPorts[1]} is not the primary silo of its cluster.", result.Error);
    }

    [SkippableFact]
    public async Task Find_the_silo_on_the_default_port_by_themselves()
    {
        Skip.IfNot(IsFree(PrimarySilo.Default.Port), $"Port {PrimarySilo.Default.Port}, that of the default primary, is taken on this machine.");
        string[] cluster = ["--Presence:Orleans:ClusterId", $"test-{Guid.NewGuid():n}"];
        await using var primary = await SiloProcess.StartAsync(
            [.. cluster, "--Presence:NodeName", "node-1", "--Presence:Orleans:SiloPort", $"{PrimarySilo.Default.Port}"]);
        await using var second = await SiloProcess.StartAsync(
            [.. cluster, "--Presence:NodeName", "node-2", "--urls", $"http://127.0.0.1:{FreePort()}"]);
        await UntilMembersAsync(primary, "node-1", "node-2");
        Assert.Contains($"Joining the cluster of the silo at {PrimarySilo.Default}.", second.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Started_at_once_on_an_empty_database_find_each_other_and_share_their_keys()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        var silos = await Task.WhenAll(Enumerable.Range(1, 3).Select(n => StartAsync(database.ConnectionString, n)));
        try
        {
            foreach (var silo in silos)
            {
                await UntilMembersAsync(silo, "node-1", "node-2", "node-3");
                Assert.Contains("Token keys     in PostgreSQL", silo.Output, StringComparison.Ordinal);
            }

            if (NodeScripts.IsHere)
            {
                await NodeScripts.RunAsync("tokens.mjs", silos.Select(silo => silo.Members[0]));
            }

            var took = await silos[0].TerminateAsync();
            Assert.Equal(0, silos[0].ExitCode);
            Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silos[0].Output}");
            await UntilMembersAsync(silos[1], "node-2", "node-3");
            await UntilMembersAsync(silos[2], "node-2", "node-3");
        }
        finally
        {
            await Task.WhenAll(silos.Select(silo => silo.DisposeAsync().AsTask()));
        }
    }

    [SkippableFact]
    public async Task Of_two_clusters_in_one_database_do_not_meet()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var east = await StartAsync(database.ConnectionString, 1, "--Presence:Orleans:ClusterId", "east");
        await using var west = await StartAsync(database.ConnectionString, 2, "--Presence:Orleans:ClusterId", "west");
        await UntilMembersAsync(east, "node-1");
        await UntilMembersAsync(west, "node-2");
        Assert.Equal(2, await database.ReadAsync<long>("SELECT count(DISTINCT cluster) FROM presence_orleans.silo WHERE status = 3"));
    }

    [SkippableFact]
    public async Task May_run_as_a_user_who_creates_nothing_once_the_schema_is_there()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        var role = $"member_{database.Name}";
        await database.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'secret'");
        try
        {
            var asMember = new Npgsql.NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = role, Password = "secret" }.ConnectionString;
            var early = await SiloProcess.RunAsync(Arguments(asMember, 1));
            Assert.Equal(1, early.ExitCode);
            Assert.StartsWith("error: ", early.Error, StringComparison.Ordinal);
            Assert.Contains("permission denied", early.Error, StringComparison.Ordinal);

            for (var time = 1; time <= 2; time++)
            {
                var created = await SiloProcess.RunAsync([.. Arguments(database.ConnectionString, 1), "--create-schema"]);
                Assert.True(created.ExitCode == 0, created.Error);
            }

            foreach (var schema in new[] { "presence_orleans", "presence_keys", "presence" })
            {
                await database.RunAsync(
                    $"GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}");
            }

            await using var silo = await StartAsync(asMember, 1);
            await UntilMembersAsync(silo, "node-1");
        }
        finally
        {
            await database.RunAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [SkippableTheory]
    [InlineData("Password", "wrong", "password authentication failed")]
    [InlineData("Database", "nowhere", "\"nowhere\" does not exist")]
    [InlineData("Port", "1", "127.0.0.1:1")]
    public async Task Say_in_one_line_why_the_database_does_not_take_them(string setting, string value, string says)
    {
        var server = await PostgresServer.SharedAsync();
        var database = new Npgsql.NpgsqlConnectionStringBuilder(server.ConnectionString()) { [setting] = value };
        var result = await SiloProcess.RunAsync([.. Arguments(database.ConnectionString, 1), "--Presence:KeyDirectory", Places.Results]);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith("error: The silos' tables in the database of ConnectionStrings:Presence", result.Error, StringComparison.Ordinal);
        Assert.Contains(says, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
    }

    private static Task<SiloProcess> StartAsync(string database, int number, params string[] more) =>
        SiloProcess.StartAsync([.. Arguments(database, number), .. more]);

    private static string[] Arguments(string database, int number) =>
        ["--urls", "http://127.0.0.1:0", "--ConnectionStrings:Presence", database, "--Presence:NodeName", $"node-{number}"];

    private static async Task UntilMembersAsync(SiloProcess silo, params string[] names)
    {
        using var http = new HttpClient { BaseAddress = new Uri(silo.Members[0]) };
        http.DefaultRequestHeaders.Authorization = ThreeSilos.Basic("admin", SiloProcess.Password);
        await Patience.UntilAsync($"the members are {string.Join(", ", names)}", Patient, async () =>
        {
            var cluster = await http.GetFromJsonAsync<JsonElement>("/api/cluster");
            return cluster.GetProperty("members").EnumerateArray().Select(m => m.GetProperty("name").GetString()!).Order().SequenceEqual(names);
        });
    }

    /// <summary>An HTTP port that the system would not give to an outgoing connection.</summary>
    [SkippableFact]
    public async Task Of_one_process_listen_on_consecutive_ports()
    {
        var port = FreePort();
        await using var host = await SiloProcess.StartAsync(["--nodes", "3", "--urls", $"http://127.0.0.1:{port}"]);
        Assert.Equal([port, port + 1, port + 2], host.Members.Select(m => new Uri(m).Port));
        using var http = new HttpClient();
        foreach (var member in host.Members)
        {
            using var response = await http.GetAsync(new Uri(new Uri(member), "/health/ready"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(5000, 6000);
            if (IsFree(port))
            {
                return port;
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
