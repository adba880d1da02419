using System.Diagnostics;
using Npgsql;
using Presence.Harness.Databases;

namespace Presence.Processes.Tests.Databases;

[Trait("Category", "Postgres")]
public sealed class A_server_for_tests
{
    [SkippableFact]
    public async Task It_offers_databases_that_know_nothing_of_each_other()
    {
        var server = await PostgresServer.SharedAsync();
        await using var one = await server.CreateDatabaseAsync();
        await using var other = await server.CreateDatabaseAsync();

        await one.RunAsync("CREATE TABLE only_here (x int)");

        Assert.NotEqual(one.Name, other.Name);
        Assert.Equal(1, await one.ReadAsync<long>("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'"));
        Assert.Equal(0, await other.ReadAsync<long>("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'"));
    }

    [SkippableFact]
    public async Task What_was_committed_is_there_after_a_stop_a_kill_and_a_restart()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var database = await server.CreateDatabaseAsync();
        await database.RunAsync("CREATE TABLE things (x int)");
        var port = server.Port;

        await database.RunAsync("INSERT INTO things VALUES (1)");
        await server.StopAsync();
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => database.RunAsync("SELECT 1"));
        await server.StartAgainAsync();
        await database.RunAsync("INSERT INTO things VALUES (2)");
        await server.KillAsync();
        await server.StartAgainAsync();
        await database.RunAsync("INSERT INTO things VALUES (3)");
        await server.RestartAsync();

        Assert.Equal(3, await database.ReadAsync<long>("SELECT count(*) FROM things"));
        Assert.Equal(port, server.Port);
    }

    [SkippableFact]
    public async Task Paused_it_answers_nobody_and_then_all()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var database = await server.CreateDatabaseAsync();

        server.Pause();
        var answer = database.ReadAsync<int>("SELECT 7");
        var first = await Task.WhenAny(answer, Task.Delay(Briefly));
        Assert.NotSame(answer, first);
        server.Continue();

        Assert.Equal(7, await answer);
    }

    [SkippableFact]
    public async Task Nothing_of_it_is_left_when_it_is_disposed_of()
    {
        var server = await PostgresServer.StartAsync();
        var connection = server.ConnectionString();
        await using var database = await server.CreateDatabaseAsync();
        var folder = await database.ReadAsync<string>("SHOW data_directory");

        await server.DisposeAsync();

        Assert.False(Directory.Exists(folder));
        await using var source = NpgsqlDataSource.Create(connection);
        await Assert.ThrowsAnyAsync<NpgsqlException>(async () => await source.OpenConnectionAsync());
    }

    private static readonly TimeSpan Briefly = TimeSpan.FromMilliseconds(300);
}
