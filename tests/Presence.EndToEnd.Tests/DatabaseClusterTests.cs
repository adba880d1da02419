namespace Presence.EndToEnd.Tests;

/// <summary>Silos as processes that find each other in a database.</summary>
[Trait("Category", "Cluster")]
public sealed class DatabaseClusterTests
{
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
                await silo.UntilNodesAsync("node-1", "node-2", "node-3");
                Assert.Contains("Token keys     in PostgreSQL", silo.Output, StringComparison.Ordinal);
            }

            if (NodeScripts.IsHere)
            {
                await NodeScripts.RunAsync("tokens.mjs", silos.Select(silo => silo.Nodes[0]));
            }

            var took = await silos[0].TerminateAsync();
            Assert.Equal(0, silos[0].ExitCode);
            Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{silos[0].Output}");
            await silos[1].UntilNodesAsync("node-2", "node-3");
            await silos[2].UntilNodesAsync("node-2", "node-3");
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
                await silos[0].UntilNodesAsync("node-1", "node-2", "node-3");
                await Task.WhenAll(silos[^killed..].Select(silo => silo.KillAsync()));
                var clock = System.Diagnostics.Stopwatch.StartNew();
                later = await StartAllAsync(killed == 2 ? [4] : [4, 5, 6]);
                var ready = clock.Elapsed;
                await later[0].UntilNodesAsync(killed == 2 ? ["node-1", "node-4"] : ["node-4", "node-5", "node-6"]);
                return ready;
            }
            finally
            {
                await Task.WhenAll(silos.Concat(later).Select(silo => silo.DisposeAsync().AsTask()));
            }
        });

    [SkippableFact]
    public async Task Clusters_in_one_database_stay_separate()
    {
        var server = await PostgresServer.SharedAsync();
        await using var database = await server.CreateDatabaseAsync();
        await using var east = await StartAsync(database.ConnectionString, 1, "--Presence:Orleans:ClusterId", "east");
        await using var west = await StartAsync(database.ConnectionString, 2, "--Presence:Orleans:ClusterId", "west");
        await east.UntilNodesAsync("node-1");
        await west.UntilNodesAsync("node-2");
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
            await silo.UntilNodesAsync("node-1");
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
}
