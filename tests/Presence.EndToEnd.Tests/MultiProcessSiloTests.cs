namespace Presence.EndToEnd.Tests;

[Trait("Category", "Cluster")]
public sealed class MultiProcessSiloTests
{
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Silos_join_through_the_primary_and_leave()
    {
        await using var primary = await SiloProcess.StartAsync(["--Presence:NodeName", "node-1"]);
        await using var second = await SiloProcess.StartAsync(
            ["--Presence:Orleans:Primary", $"127.0.0.1:{primary.SiloPorts[0]}", "--Presence:NodeName", "node-2"]);
        await UntilNodesAsync(primary, "node-1", "node-2");
        await UntilNodesAsync(second, "node-1", "node-2");
        var took = await second.TerminateAsync();
        Assert.Equal(0, second.ExitCode);
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{second.Output}");
        await UntilNodesAsync(primary, "node-1");
    }

    [Fact]
    public async Task Silo_needs_only_a_port_and_prints_how_others_join()
    {
        var cluster = $"test-{Guid.NewGuid():n}";
        var port = FindPorts(1);
        await using var first = await SiloProcess.StartAsync(
            ["--urls", $"http://127.0.0.1:{port}", "--Presence:Orleans:ClusterId", cluster]);
        Assert.Contains("this process forms a cluster of its own", first.Output, StringComparison.Ordinal);
        Assert.Contains(
            $"others join with --Presence:Orleans:Primary 127.0.0.1:{first.SiloPorts[0]}", first.Output,
            StringComparison.Ordinal);
        await UntilNodesAsync(first, $"node-{port - 3999}");
    }

    [Fact]
    public async Task Silo_that_is_not_the_primary_is_rejected()
    {
        await using var others = await SiloProcess.StartAsync(["--nodes", "2"]);
        var result = await SiloProcess.RunAsync(
            ["--urls", "http://127.0.0.1:0", "--Presence:Orleans:Primary", $"127.0.0.1:{others.SiloPorts[1]}"]);
        Assert.Equal(1, result.ExitCode);
        HostInProcess.Fails(
            $"The silo at 127.0.0.1:{others.SiloPorts[1]} is not the primary silo of its cluster.", result.Error);
    }

    [SkippableFact]
    public async Task Silo_on_the_default_port_is_found()
    {
        Skip.IfNot(
            IsFree(PrimarySilo.Default.Port),
            $"Port {PrimarySilo.Default.Port}, that of the default primary, is taken on this machine.");
        string[] cluster = ["--Presence:Orleans:ClusterId", $"test-{Guid.NewGuid():n}"];
        await using var primary = await SiloProcess.StartAsync(
            [.. cluster, "--Presence:NodeName", "node-1", "--Presence:Orleans:SiloPort",
                $"{PrimarySilo.Default.Port}"]);
        await using var second = await SiloProcess.StartAsync(
            [.. cluster, "--Presence:NodeName", "node-2", "--urls", $"http://127.0.0.1:{FindPorts(1)}"]);
        await UntilNodesAsync(primary, "node-1", "node-2");
        Assert.Contains(
            $"Joining the cluster of the silo at {PrimarySilo.Default}.", second.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Silos_started_together_on_an_empty_database_form_a_cluster_and_share_keys()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        var silos = await Task.WhenAll(Enumerable.Range(1, 3).Select(n => StartAsync(database.ConnectionString, n)));
        try
        {
            foreach (var silo in silos)
            {
                await UntilNodesAsync(silo, "node-1", "node-2", "node-3");
                Assert.Contains("Token keys     in PostgreSQL", silo.Output, StringComparison.Ordinal);
            }

            if (NodeScripts.IsHere)
            {
                await NodeScripts.RunAsync("tokens.mjs", silos.Select(silo => silo.Nodes[0]));
            }

            var took = await silos[0].TerminateAsync();
            Assert.Equal(0, silos[0].ExitCode);
            Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silos[0].Output}");
            await UntilNodesAsync(silos[1], "node-2", "node-3");
            await UntilNodesAsync(silos[2], "node-2", "node-3");
        }
        finally
        {
            await Task.WhenAll(silos.Select(silo => silo.DisposeAsync().AsTask()));
        }
    }

    [SkippableTheory]
    [InlineData(2)]
    [InlineData(3)]
    public Task Silos_are_ready_within_15_seconds_after_two_of_three_or_all_were_killed(int killed) =>
        TimeBound.MustHoldAsync($"The start after {killed} of 3 were killed", TimeSpan.FromSeconds(15), async _ =>
        {
            var server = await PostgresServer.SharedAsync();
            await using var database = await server.CreateDatabaseAsync();
            Task<SiloProcess[]> StartAllAsync(IEnumerable<int> numbers) =>
                Task.WhenAll(numbers.Select(number => StartAsync(database.ConnectionString, number)));
            var silos = await StartAllAsync([1, 2, 3]);
            SiloProcess[] later = [];
            try
            {
                await UntilNodesAsync(silos[0], "node-1", "node-2", "node-3");
                await Task.WhenAll(silos[^killed..].Select(silo => silo.KillAsync()));
                var clock = System.Diagnostics.Stopwatch.StartNew();
                later = await StartAllAsync(killed == 2 ? [4] : [4, 5, 6]);
                var ready = clock.Elapsed;
                await UntilNodesAsync(later[0], killed == 2 ? ["node-1", "node-4"] : ["node-4", "node-5", "node-6"]);
                return ready;
            }
            finally
            {
                await Task.WhenAll(silos.Concat(later).Select(silo => silo.DisposeAsync().AsTask()));
            }
        });

    [Fact]
    public async Task Process_whose_node_must_stop_ends_with_status_1()
    {
        await using var first = await SiloProcess.StartAsync(["--Presence:NodeName", "node-1"]);
        await using var second = await SiloProcess.StartAsync(
            ["--Presence:Orleans:Primary", $"127.0.0.1:{first.SiloPorts[0]}", "--Presence:NodeName", "node-1"]);
        var ended = await Task.WhenAny(first.Ended, second.Ended).WaitAsync(Patient);
        var failed = ended == first.Ended ? first : second;
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("Node node-1 has failed", failed.Output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Clusters_in_one_database_stay_separate()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var east = await StartAsync(database.ConnectionString, 1, "--Presence:Orleans:ClusterId", "east");
        await using var west = await StartAsync(database.ConnectionString, 2, "--Presence:Orleans:ClusterId", "west");
        await UntilNodesAsync(east, "node-1");
        await UntilNodesAsync(west, "node-2");
        Assert.Equal(2, await database.ReadAsync<long>(
            "SELECT count(DISTINCT cluster) FROM presence_orleans.silo WHERE status = 3"));
    }

    [SkippableFact]
    public async Task Silos_need_no_permission_to_create_tables_once_the_schema_exists()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        var role = $"member_{database.Name}";
        await database.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'secret'");
        try
        {
            var asMember = new Npgsql.NpgsqlConnectionStringBuilder(database.ConnectionString)
            {
                Username = role,
                Password = "secret"
            }.ConnectionString;
            var early = await SiloProcess.RunAsync(Arguments(asMember, 1));
            Assert.Equal(1, early.ExitCode);
            Assert.StartsWith("error: ", early.Error, StringComparison.Ordinal);
            Assert.Contains("permission denied", early.Error, StringComparison.Ordinal);

            for (var time = 1; time <= 2; time++)
            {
                var created = await SiloProcess.RunAsync(
                    [.. Arguments(database.ConnectionString, 1), "--create-schema"]);
                Assert.True(created.ExitCode == 0, created.Error);
            }

            foreach (var schema in new[] { "presence_orleans", "presence_keys", "presence" })
            {
                await database.RunAsync(
                    $"GRANT USAGE ON SCHEMA {schema} TO {role}; "
                    + $"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}");
            }

            await using var silo = await StartAsync(asMember, 1);
            await UntilNodesAsync(silo, "node-1");
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
    public async Task Database_errors_are_reported_in_one_line(string setting, string value, string expected)
    {
        var server = await PostgresServer.SharedAsync();
        var database = new Npgsql.NpgsqlConnectionStringBuilder(server.ConnectionString()) { [setting] = value };
        var result = await SiloProcess.RunAsync(
            [.. Arguments(database.ConnectionString, 1), "--Presence:KeyDirectory", Places.Results]);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith(
            "error: The silos' tables in the database of ConnectionStrings:Presence",
            result.Error,
            StringComparison.Ordinal);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
    }

    private static Task<SiloProcess> StartAsync(string database, int number, params string[] more) =>
        SiloProcess.StartAsync([.. Arguments(database, number), .. more]);

    private static string[] Arguments(string database, int number) =>
        ["--urls", "http://127.0.0.1:0", "--ConnectionStrings:Presence", database, "--Presence:NodeName",
            $"node-{number}"];

    private static async Task UntilNodesAsync(SiloProcess silo, params string[] names)
    {
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        http.DefaultRequestHeaders.Authorization = ThreeSilos.Basic("admin", SiloProcess.Password);
        await TestTimeouts.UntilAsync($"the nodes are {string.Join(", ", names)}", Patient, async () =>
        {
            var cluster = await http.GetFromJsonAsync<JsonElement>("/api/cluster");
            return cluster.GetProperty("nodes").EnumerateArray().Select(m => m.GetProperty("name").GetString()!).Order()
                .SequenceEqual(names);
        });
    }

    /// <summary>Returns an HTTP port below the ephemeral ports.</summary>
    [SkippableFact]
    public async Task Silos_of_one_process_listen_on_consecutive_ports()
    {
        var port = FindPorts(3);
        await using var host = await SiloProcess.StartAsync(["--nodes", "3", "--urls", $"http://127.0.0.1:{port}"]);
        Assert.Equal([port, port + 1, port + 2], host.Nodes.Select(m => new Uri(m).Port));
        using var http = new HttpClient();
        foreach (var node in host.Nodes)
        {
            using var response = await http.GetAsync(new Uri(new Uri(node), "/health/ready"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    /// <summary>The ports of silo and gateway, which are derived, are not among those of the system either.</summary>
    private static int FindPorts(int count) => FreePorts.Find(count, from: 5000, below: 6000);

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
