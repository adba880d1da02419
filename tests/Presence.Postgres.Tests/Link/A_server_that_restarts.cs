using System.Diagnostics;
using Presence.Harness.Conformance;
using Presence.Harness.Databases;
using Presence.Node;
using Presence.Postgres.Tests.Support;
using Presence.Tracker;

namespace Presence.Postgres.Tests.Link;

[Trait("Category", "Engine.Postgres")]
public sealed class A_server_that_restarts
{
    /// <summary>The bound the project sets itself, for a database that was restarted.</summary>
    private static readonly TimeSpan ConvergedWithin = TimeSpan.FromSeconds(10);

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Three_members_agree_within_ten_seconds_of_its_return(bool isKilled)
    {
        await using var server = await PostgresServer.StartAsync();
        await using var engine = new PostgresEngine(await Database.OpenAsync(server));
        var nodes = new List<IEngineNode>();
        foreach (var name in new[] { "a", "b", "c" })
        {
            nodes.Add(await engine.StartNodeAsync(name, _ => { }));
        }

        var processes = nodes.ConvertAll(n => n.Node.StartProcess());
        await TrackAsync(nodes, processes, "before", 100);
        await SeesAsync(nodes, 300);
        await (isKilled ? server.KillAsync() : server.StopAsync());
        await TrackAsync(nodes, processes, "meanwhile", 100);
        Assert.All(nodes, n => Assert.Equal(400, n.Node.Tracker.Count("t")));
        foreach (var node in nodes)
        {
            await node.Node.Tracker.UntrackAsync(processes[nodes.IndexOf(node)], "t", $"before {node.Node.Name} 0");
        }

        await server.StartAgainAsync();
        var back = Stopwatch.StartNew();
        await SeesAsync(nodes, 597);
        Assert.InRange(back.Elapsed, TimeSpan.Zero, ConvergedWithin);
    }

    [SkippableFact]
    public async Task To_end_waits_for_no_statement_that_is_under_way_while_the_server_hangs()
    {
        await using var server = await PostgresServer.StartAsync();
        // Whoever had a statement cancelled would wait for as long to connect once more.
        await using var engine = new PostgresEngine(await Database.OpenAsync(server), o => o.CommandTimeout = TimeSpan.FromMinutes(2));
        var link = engine.NewLink("a");
        await link.StartAsync(new HeardFrames(), default);
        server.Pause();
        try
        {
            link.Broadcast(new LinkFrame("tracker", 0, new byte[100]));
            await Harness.Patience.UntilAsync("the statement is under way", TimeSpan.FromSeconds(30), () => link.Outbox.Count == 0);
            await Task.Run(link.AbortAsync).WaitAsync(TimeSpan.FromSeconds(30));
        }
        finally
        {
            server.Continue();
        }
    }

    [SkippableFact]
    public async Task A_server_that_hangs_is_given_up_and_found_again()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var engine = new PostgresEngine(
            await Database.OpenAsync(server), o => (o.CommandTimeout, o.KeepAlive) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)));
        var (a, b) = (await engine.StartNodeAsync("a", _ => { }), await engine.StartNodeAsync("b", _ => { }));
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "before");
        await SeesAsync([b], 1);
        server.Pause();
        await b.Node.Tracker.TrackAsync(b.Node.StartProcess(), "t", "meanwhile");
        await Harness.Patience.UntilAsync(
            "both say that it is away", TimeSpan.FromSeconds(30), () => !a.Node.Link.IsConnected && !b.Node.Link.IsConnected);
        Assert.Contains("does not answer in time", b.Node.Link.Problem, StringComparison.Ordinal);
        server.Continue();
        var back = Stopwatch.StartNew();
        await SeesAsync([a, b], 2);
        Assert.InRange(back.Elapsed, TimeSpan.Zero, ConvergedWithin);
    }

    [SkippableFact]
    public async Task Leases_survive_its_death_and_go_on_with_higher_epochs()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var database = await Database.OpenAsync(server);
        await using var source = new PostgresSource(database.Options(), "t");
        using var store = new PostgresLeaseStore(source, new RecordedLog<PostgresLeaseStore>());
        var first = await store.AcquireAsync("x", "ann", TimeSpan.FromMinutes(5), default);
        await server.KillAsync();
        await Assert.ThrowsAsync<PresencePostgresException>(() => store.RenewAsync("x", "ann", first.Epoch, TimeSpan.FromMinutes(5), default).AsTask());
        await server.StartAgainAsync();
        var other = await store.AcquireAsync("x", "bob", TimeSpan.FromMinutes(5), default);
        Assert.Equal((false, "ann"), (other.IsHeld, other.Holder));
        Assert.True(await store.ReleaseAsync("x", "ann", first.Epoch, default, default));
        Assert.Equal(first.Epoch + 1, (await store.AcquireAsync("x", "bob", TimeSpan.FromMinutes(5), default)).Epoch);
    }

    private static async Task TrackAsync(List<IEngineNode> nodes, List<Node.PresenceProcess> processes, string when, int count)
    {
        foreach (var (node, process) in nodes.Zip(processes))
        {
            await node.Node.Tracker.TrackManyAsync(
                process, [.. Enumerable.Range(0, count).Select(i => new TrackRequest("t", $"{when} {node.Node.Name} {i}", default))]);
        }
    }

    private static async Task SeesAsync(List<IEngineNode> nodes, int count)
    {
        foreach (var node in nodes)
        {
            await OnDiff.UntilAsync(
                node.Node.Tracker, () => node.Node.Tracker.Count("t") == count, $"{node.Node.Name} sees {count}");
        }
    }
}
