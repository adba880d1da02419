namespace Presence.Processes.Tests.Faults;

/// <summary>What three silos with default options cost when nobody is there: no busy polling of the processor or of the database.</summary>
[Trait("Category", "Postgres")]
[Trait("Category", "Soak")]
public sealed class IdleCostTests(ITestOutputHelper output)
{
    private const double MostOfACore = 0.01;
    private const double MostStatements = 5;

    /// <summary>Silos that have just started join each other in this time, and code that runs once a second is compiled anew, which alone takes a percent.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(100);

    /// <summary>Upkeep comes every minute and heartbeats every quarter of one, so a short look sees chance.</summary>
    private static readonly TimeSpan Watching = TimeSpan.FromSeconds(120);

    [SkippableFact]
    public async Task Idle_silos_cost_little_processor_time_and_at_most_five_statements_a_second()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var cluster = await MemberCluster.CreateAsync(server: server);
        var members = await cluster.GrowToAsync(3);
        await Task.Delay(Settling);
        var (before, statementsBefore) = (members.Select(ProcessorTime).ToList(), await TransactionsAsync(cluster));
        var begun = Stopwatch.GetTimestamp();
        await Task.Delay(Watching);
        var watched = Stopwatch.GetElapsedTime(begun);
        var statements = (await TransactionsAsync(cluster) - statementsBefore) / watched.TotalSeconds;
        var shares = members.Zip(before, (member, since) => (ProcessorTime(member) - since) / watched).ToList();
        var percent = string.Join(", ", shares.Select(share => $"{share * 100:0.00} %"));
        output.WriteLine($"{percent} of a core; {statements:0.00} statements a second");
        Assert.All(shares, share => Assert.InRange(share, 0, MostOfACore));
        Assert.InRange(statements, 0, MostStatements);
    }

    private static TimeSpan ProcessorTime(MemberProcess member)
    {
        using var process = Process.GetProcessById(member.ProcessId);
        return process.TotalProcessorTime;
    }

    /// <summary>Each statement of a member is a transaction; asked from another database, so as not to count the question.</summary>
    private static async Task<long> TransactionsAsync(MemberCluster cluster)
    {
        await using var source = Npgsql.NpgsqlDataSource.Create(cluster.Database.Server.ConnectionString("template1") + ";Pooling=false");
        await using var command = source.CreateCommand(
            $"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{cluster.Database.Name}'");
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
