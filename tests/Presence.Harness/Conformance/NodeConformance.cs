namespace Presence.Harness.Conformance;

/// <summary>Conformance suite for whole nodes over a cluster transport.</summary>
public abstract class NodeConformance
{
    /// <summary>Returns a cluster without nodes. Skips the test where the transport is unavailable.</summary>
    protected abstract Task<ITestCluster> StartClusterAsync();

    /// <summary>Starts another node with a name; see <see cref="One_of_two_live_nodes_with_one_name_stops"/>.</summary>
    protected virtual bool CanNameTwice => true;

    [SkippableFact]
    public async Task Track_update_and_untrack_are_visible_on_another_node()
    {
        await using var cluster = await StartClusterAsync();
        var (a, b) = (await StartAsync(cluster, "a"), await StartAsync(cluster, "b"));
        var session = a.Node.OpenSession();
        var entry = await a.Node.Tracker.TrackAsync(session, "t", "k", PresenceMeta.Parse("""{"n":1}"""));
        await SeesAsync(b, () => Meta(b, "k") == """{"n":1}""", "b sees the join");
        Assert.Equal(entry.Ref, b.Node.Tracker.GetByKey("t", "k")[0].Ref);
        await a.Node.Tracker.UpdateAsync(session, "t", "k", PresenceMeta.Parse("""{"n":2}"""));
        await SeesAsync(b, () => Meta(b, "k") == """{"n":2}""", "b sees the update");
        Assert.Equal(entry.Ref, b.Node.Tracker.GetByKey("t", "k")[0].PreviousRef);
        await a.Node.Tracker.UntrackAsync(session, "t", "k");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 0, "b sees the leave");
        await a.Node.Tracker.TrackAsync(session, "t", "k");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the join anew");
        session.End();
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 0, "b sees the end of the session");
    }

    [SkippableFact]
    public async Task Three_nodes_agree_on_all_presences()
    {
        await using var cluster = await StartClusterAsync();
        var nodes = await StartThreeAsync(cluster);
        await Task.WhenAll(nodes.Select(async node =>
        {
            for (var i = 0; i < 300; i++)
            {
                await node.Node.Tracker.TrackAsync(node.Node.OpenSession(), "t", $"{node.Node.Name}{i}");
            }
        }));
        foreach (var node in nodes)
        {
            await SeesAsync(node, () => node.Node.Tracker.Count("t") == 900, $"{node.Node.Name} sees all 900");
        }
    }

    [SkippableFact]
    public async Task Largest_metadata_arrives()
    {
        await using var cluster = await StartClusterAsync();
        var (a, b) = (await StartAsync(cluster, "a"), await StartAsync(cluster, "b"));
        var meta = $$"""{"x":"{{new string('ä', 32_000)}}"}""";
        await a.Node.Tracker.TrackAsync(a.Node.OpenSession(), "t", "k", PresenceMeta.Parse(meta));
        await SeesAsync(b, () => Meta(b, "k") == meta, "b sees 64 KiB of metadata");
    }

    [SkippableFact]
    public async Task Presences_of_a_stopped_node_leave_at_once_with_the_reason_NodeStopped()
    {
        await using var cluster = await StartClusterAsync();
        var (a, b) = (await StartAsync(cluster, "a"), await StartAsync(cluster, "b"));
        var left = new TaskCompletionSource<LeaveReason>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var handler = await b.Node.Tracker.AddHandlerAsync(new OnDiff(diff =>
        {
            foreach (var change in diff.Topics.SelectMany(t => t.Changes).Where(c => c.Kind == PresenceChangeKind.Left))
            {
                left.TrySetResult(change.Reason);
            }
        }));
        await a.Node.Tracker.TrackAsync(a.Node.OpenSession(), "t", "k");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the join");
        await a.StopAsync();
        Assert.Equal(LeaveReason.NodeStopped, await left.Task.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(NodeState.Stopped, a.Node.State);
        Assert.Equal(["b"], b.Node.Nodes().Select(m => m.Name));
    }

    [SkippableFact]
    public async Task Presences_of_a_killed_node_leave_within_the_down_period()
    {
        await using var cluster = await StartClusterAsync();
        var (a, b) = (await StartAsync(cluster, "a", Quick), await StartAsync(cluster, "b", Quick));
        var c = await StartAsync(cluster, "c", Quick);
        await a.Node.Tracker.TrackAsync(a.Node.OpenSession(), "t", "a");
        await b.Node.Tracker.TrackAsync(b.Node.OpenSession(), "t", "b");
        await SeesAsync(c, () => c.Node.Tracker.Count("t") == 2, "c sees both");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 2, "b sees both");
        await a.KillAsync();
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the leave");
        await SeesAsync(c, () => c.Node.Tracker.Count("t") == 1, "c sees the leave");
        Assert.Equal("b", c.Node.Tracker.List("t").Single().Key);
    }

    [SkippableFact]
    public async Task Late_joiner_sees_everything()
    {
        await using var cluster = await StartClusterAsync();
        var a = await StartAsync(cluster, "a");
        var session = a.Node.OpenSession();
        await a.Node.Tracker.TrackManyAsync(session, [.. Enumerable.Range(0, 5_000).Select(i => new TrackRequest(
            $"t{i % 50}", $"key {i}", PresenceMeta.Parse($$"""{"online_at":{{i}},"name":"somebody with a name"}""")))]);
        var b = await StartAsync(cluster, "b");
        await SeesAsync(
            b, () => b.Node.Tracker.Topics(null, 100).Sum(t => t.Count) == 5_000, "the newcomer sees all 5,000");
    }

    [SkippableFact]
    public async Task Restarted_node_has_no_earlier_presences()
    {
        await using var cluster = await StartClusterAsync();
        var (a, b) = (await StartAsync(cluster, "a"), await StartAsync(cluster, "b"));
        await a.Node.Tracker.TrackAsync(a.Node.OpenSession(), "t", "before");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the first");
        await a.KillAsync();
        var again = await StartAsync(cluster, "a");
        await again.Node.Tracker.TrackAsync(again.Node.OpenSession(), "t", "after");
        await SeesAsync(b, () => Keys(b) is ["after"], "b sees what a tracks now and nothing of before");
        await SeesAsync(again, () => Keys(again) is ["after"], "and so does a");
        Assert.Equal(2, b.Node.Nodes().Count);
    }

    [SkippableFact]
    public async Task One_of_two_live_nodes_with_one_name_stops()
    {
        Skip.IfNot(CanNameTwice, "this cluster transport assigns names itself");
        await using var cluster = await StartClusterAsync();
        var first = await StartAsync(cluster, "a");
        ITestClusterNode second;
        try
        {
            second = await StartAsync(cluster, "a");
        }
        catch (InvalidOperationException)
        {
            Assert.Equal(NodeState.Ready, first.Node.State);
            return;
        }

        var witness = await StartAsync(cluster, "b");
        for (var i = 0; first.Node.State == NodeState.Ready && second.Node.State == NodeState.Ready; i++)
        {
            // Each change lets the two nodes detect each other.
            Assert.True(i < 300, "both are still ready");
            await first.Node.Tracker.TrackAsync(first.Node.OpenSession(), "t", $"first {i}");
            await second.Node.Tracker.TrackAsync(second.Node.OpenSession(), "t", $"second {i}");
            await witness.Node.Tracker.TrackAsync(witness.Node.OpenSession(), "w", $"{i}");
            await SeesAsync(
                second,
                () => second.Node.Tracker.Count("w") > i || first.Node.State != NodeState.Ready,
                "the witness is seen");
        }

        Assert.Equal(NodeState.Failed, first.Node.State);
        Assert.Equal(NodeState.Ready, second.Node.State);
    }

    [SkippableFact]
    public async Task Message_reaches_the_subscribers_of_every_node_in_the_order_sent()
    {
        await using var cluster = await StartClusterAsync();
        var nodes = await StartThreeAsync(cluster);
        await MeetAsync(nodes);
        var received = nodes.Select(_ => new ConcurrentQueue<int>()).ToArray();
        var all = new CountdownEvent(3 * 300);
        foreach (var (node, queue) in nodes.Zip(received))
        {
            node.Node.PubSub.Subscribe("news", message =>
            {
                queue.Enqueue(message.Body.Length);
                all.Signal();
            });
        }

        // Every tenth message exceeds one batch or packet of any transport; it must not be overtaken.
        var sizes = Enumerable.Range(0, 300).Select(i => i % 10 == 9 ? 30_000 + i : 10 + i).ToArray();
        foreach (var size in sizes)
        {
            nodes[1]
                .Node.PubSub.Broadcast(new PubSubMessage("news", "n", Encoding.UTF8.GetBytes(new string('x', size))));
        }

        Assert.True(
            await Task.Run(() => all.Wait(TimeSpan.FromSeconds(30))), $"{all.CurrentCount} of 900 did not arrive");
        Assert.All(received, h => Assert.Equal(sizes, h));
    }

    private static void Quick(PresenceOptions options)
    {
        options.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(200);
        options.Tracker.MaxSilentPeriods = 3;
        options.Tracker.DownPeriod = TimeSpan.FromSeconds(2);
        options.ProbeTimeout = TimeSpan.FromMilliseconds(500);
    }

    private static Task<ITestClusterNode> StartAsync(
        ITestCluster cluster, string name, Action<PresenceOptions>? more = null) =>
        cluster.StartNodeAsync(name, more ?? (_ => { }));

    private static async Task<ITestClusterNode[]> StartThreeAsync(ITestCluster cluster) =>
        [await StartAsync(cluster, "a"), await StartAsync(cluster, "b"), await StartAsync(cluster, "c")];

    /// <summary>Waits until every node lists a presence of every other.</summary>
    private static async Task MeetAsync(ITestClusterNode[] nodes)
    {
        foreach (var node in nodes)
        {
            await node.Node.Tracker.TrackAsync(node.Node.OpenSession(), "meeting", node.Node.Name);
        }

        foreach (var node in nodes)
        {
            await SeesAsync(
                node, () => node.Node.Tracker.Count("meeting") == nodes.Length, $"{node.Node.Name} sees all");
        }
    }

    private static string? Meta(ITestClusterNode at, string key) =>
        at.Node.Tracker.GetByKey("t", key) is [var entry] ? entry.Meta.ToString() : null;

    private static string[] Keys(ITestClusterNode at) => [.. at.Node.Tracker.List("t").Select(e => e.Key)];

    private static Task SeesAsync(ITestClusterNode at, Func<bool> isSo, string what) =>
        OnDiff.UntilAsync(at.Node.Tracker, isSo, what);
}
