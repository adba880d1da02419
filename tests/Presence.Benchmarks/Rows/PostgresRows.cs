using System.Diagnostics;
using Presence.Benchmarks.Measuring;
using Presence.Benchmarks.Subjects;

namespace Presence.Benchmarks.Rows;

/// <summary>Members with default options over a PostgreSQL server on this machine; left out where there is none.</summary>
internal static class PostgresRows
{
    private const string Group = "postgres";

    private static readonly OneRun Change = new(ChangeAsync);

    public static IEnumerable<Row> All =>
    [
        new(Group, "change to handler on another member, p50", "ms", Change.Percentile(0.5)),
        new(Group, "change to handler on another member, p99", "ms", Change.Percentile(0.99)),
        new(Group, "late joiner holds 100000, quiet", "ms", _ => LateJoinerAsync()),
        new(Group, "statements, three idle members", "1/s", async effort => (await IdleAsync(effort)).Statements),
        // Of one processor, for the three together: they share this process.
        new(Group, "processor, three idle members", "%", async effort => (await IdleAsync(effort)).Processor),
    ];

    /// <summary>In which members that have just started greet each other and ask what they lack.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    private static async Task<IReadOnlyList<double>> ChangeAsync(Effort effort)
    {
        await using var members = await PostgresMembers.StartAsync(2);
        return await ClusterRows.ChangeAsync(effort, members[0], members[1]);
    }

    private static async Task<double> LateJoinerAsync()
    {
        await using var members = await PostgresMembers.StartAsync(1);
        await ClusterRows.FillAsync(members[0], 100_000);
        var begun = Stopwatch.GetTimestamp();
        var joiner = await members.AddAsync();
        await Members.UntilAsync(() => Members.Entries(joiner.Tracker) == 100_000, "the joiner holds all 100000");
        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }

    private static async Task<(double Statements, double Processor)> IdleAsync(Effort effort)
    {
        await using var members = await PostgresMembers.StartAsync(3);
        using var self = Process.GetCurrentProcess();
        await Task.Delay(Settling);
        self.Refresh();
        var (statements, processor) = (await members.TransactionsAsync(), self.TotalProcessorTime);
        var begun = Stopwatch.GetTimestamp();
        // Heartbeats come every 16 s and upkeep every minute, so a short look sees chance.
        await Task.Delay(effort.Watching * 5);
        self.Refresh();
        var watched = Stopwatch.GetElapsedTime(begun);
        return (
            (await members.TransactionsAsync() - statements) / watched.TotalSeconds,
            (self.TotalProcessorTime - processor) / watched * 100);
    }
}
