namespace Presence.Processes.Tests.Faults;

/// <summary>The cost of three idle silos with default options: no busy polling of processor or database.</summary>
[Trait("Category", "Postgres")]
[Trait("Category", "Soak")]
public sealed class IdleCostTests(ITestOutputHelper output)
{
    private const double MaxOfACore = 0.01;
    private const double MaxStatements = 5;

    /// <summary>Warm-up: silos join each other, and periodic code is compiled, which takes a percent.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(100);

    /// <summary>Housekeeping runs every minute and heartbeats every 15 s, so a short measurement is random.</summary>
    private static readonly TimeSpan Watching = TimeSpan.FromSeconds(120);

    [SkippableFact]
    public async Task Idle_silos_use_little_processor_time_and_at_most_five_statements_a_second()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var cluster = await NodeCluster.CreateAsync(server: server);
        var nodes = await cluster.GrowToAsync(3);
        await Task.Delay(Settling);
        var (before, statementsBefore) = (nodes.Select(ProcessorTime).ToList(), await TransactionsAsync(cluster));
        var begun = Stopwatch.GetTimestamp();
        await Task.Delay(Watching);
        var watched = Stopwatch.GetElapsedTime(begun);
        var statements = (await TransactionsAsync(cluster) - statementsBefore) / watched.TotalSeconds;
        var shares = nodes.Zip(before, (node, since) => (ProcessorTime(node) - since) / watched).ToList();
        var percent = string.Join(", ", shares.Select(share => $"{share * 100:0.00} %"));
        output.WriteLine($"{percent} of a core; {statements:0.00} statements a second");
        Assert.All(shares, share => Assert.InRange(share, 0, MaxOfACore));
        Assert.InRange(statements, 0, MaxStatements);
    }

    private static TimeSpan ProcessorTime(NodeProcess node)
    {
        using var process = Process.GetProcessById(node.ProcessId);
        return process.TotalProcessorTime;
    }

    /// <summary>Each statement is a transaction; counted from another database, to exclude this query.</summary>
    private static async Task<long> TransactionsAsync(NodeCluster cluster)
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(
            cluster.Database.Server.ConnectionString("template1") + ";Pooling=false");
        await using var command = source.CreateCommand(
            $"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{cluster.Database.Name}'");
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
