namespace Presence.Harness.Conformance;

/// <summary>What whole members owe each other over an engine.</summary>
public abstract class NodeConformance
{
    /// <summary>A cluster without members. Skips where the engine cannot be had.</summary>
    protected abstract Task<IEngine> StartEngineAsync();

    /// <summary>What is done about a second living member of one name; see <see cref="Of_two_living_members_of_one_name_one_does_not_stay"/>.</summary>
    protected virtual bool CanNameTwice => true;

    [SkippableFact]
    public async Task What_is_tracked_updated_and_untracked_here_is_seen_there()
    {
        await using var engine = await StartEngineAsync();
        var (a, b) = (await StartAsync(engine, "a"), await StartAsync(engine, "b"));
        var process = a.Node.StartProcess();
        var entry = await a.Node.Tracker.TrackAsync(process, "t", "k", PresenceMeta.Parse("""{"n":1}"""));
        await SeesAsync(b, () => Meta(b, "k") == """{"n":1}""", "b sees the join");
        Assert.Equal(entry.Ref, b.Node.Tracker.GetByKey("t", "k")[0].Ref);
        await a.Node.Tracker.UpdateAsync(process, "t", "k", PresenceMeta.Parse("""{"n":2}"""));
        await SeesAsync(b, () => Meta(b, "k") == """{"n":2}""", "b sees the update");
        Assert.Equal(entry.Ref, b.Node.Tracker.GetByKey("t", "k")[0].PreviousRef);
        await a.Node.Tracker.UntrackAsync(process, "t", "k");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 0, "b sees the leave");
        await a.Node.Tracker.TrackAsync(process, "t", "k");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the join anew");
        process.End();
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 0, "b sees that the process ended");
    }

    [SkippableFact]
    public async Task Three_members_agree_on_what_all_of_them_track()
    {
        await using var engine = await StartEngineAsync();
        var nodes = await StartThreeAsync(engine);
        await Task.WhenAll(nodes.Select(async node =>
        {
            for (var i = 0; i < 300; i++)
            {
                await node.Node.Tracker.TrackAsync(node.Node.StartProcess(), "t", $"{node.Node.Name}{i}");
            }
        }));
        foreach (var node in nodes)
        {
            await SeesAsync(node, () => node.Node.Tracker.Count("t") == 900, $"{node.Node.Name} sees all 900");
        }
    }

    [SkippableFact]
    public async Task The_largest_metadata_arrives()
    {
        await using var engine = await StartEngineAsync();
        var (a, b) = (await StartAsync(engine, "a"), await StartAsync(engine, "b"));
        var meta = $$"""{"x":"{{new string('ä', 32_000)}}"}""";
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "k", PresenceMeta.Parse(meta));
        await SeesAsync(b, () => Meta(b, "k") == meta, "b sees 64 KiB of metadata");
    }

    [SkippableFact]
    public async Task Who_stops_in_order_leaves_at_once_with_the_reason_NodeStopped()
    {
        await using var engine = await StartEngineAsync();
        var (a, b) = (await StartAsync(engine, "a"), await StartAsync(engine, "b"));
        var left = new TaskCompletionSource<LeaveReason>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var handler = await b.Node.Tracker.AddHandlerAsync(new OnDiff(diff =>
        {
            foreach (var change in diff.Topics.SelectMany(t => t.Changes).Where(c => c.Kind == PresenceChangeKind.Left))
            {
                left.TrySetResult(change.Reason);
            }
        }));
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "k");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the join");
        await a.StopAsync();
        Assert.Equal(LeaveReason.NodeStopped, await left.Task.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(NodeState.Stopped, a.Node.State);
        Assert.Equal(["b"], b.Node.Members().Select(m => m.Name));
    }

    [SkippableFact]
    public async Task Who_is_killed_leaves_within_the_down_period()
    {
        await using var engine = await StartEngineAsync();
        var (a, b) = (await StartAsync(engine, "a", Quick), await StartAsync(engine, "b", Quick));
        var c = await StartAsync(engine, "c", Quick);
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "a");
        await b.Node.Tracker.TrackAsync(b.Node.StartProcess(), "t", "b");
        await SeesAsync(c, () => c.Node.Tracker.Count("t") == 2, "c sees both");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 2, "b sees both");
        await a.KillAsync();
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the leave");
        await SeesAsync(c, () => c.Node.Tracker.Count("t") == 1, "c sees the leave");
        Assert.Equal("b", c.Node.Tracker.List("t").Single().Key);
    }

    [SkippableFact]
    public async Task Who_comes_late_sees_everything()
    {
        await using var engine = await StartEngineAsync();
        var a = await StartAsync(engine, "a");
        var process = a.Node.StartProcess();
        await a.Node.Tracker.TrackManyAsync(process, [.. Enumerable.Range(0, 5_000).Select(i => new TrackRequest(
            $"t{i % 50}", $"key {i}", PresenceMeta.Parse($$"""{"online_at":{{i}},"name":"somebody with a name"}""")))]);
        var b = await StartAsync(engine, "b");
        await SeesAsync(b, () => b.Node.Tracker.Topics(null, 100).Sum(t => t.Count) == 5_000, "the newcomer sees all 5,000");
    }

    [SkippableFact]
    public async Task Who_comes_back_under_its_name_has_nothing_of_before()
    {
        await using var engine = await StartEngineAsync();
        var (a, b) = (await StartAsync(engine, "a"), await StartAsync(engine, "b"));
        await a.Node.Tracker.TrackAsync(a.Node.StartProcess(), "t", "before");
        await SeesAsync(b, () => b.Node.Tracker.Count("t") == 1, "b sees the first");
        await a.KillAsync();
        var again = await StartAsync(engine, "a");
        await again.Node.Tracker.TrackAsync(again.Node.StartProcess(), "t", "after");
        await SeesAsync(b, () => Keys(b) is ["after"], "b sees what a tracks now and nothing of before");
        await SeesAsync(again, () => Keys(again) is ["after"], "and so does a");
        Assert.Equal(2, b.Node.Members().Count);
    }

    [SkippableFact]
    public async Task Of_two_living_members_of_one_name_one_does_not_stay()
    {
        Skip.IfNot(CanNameTwice, "this engine gives names itself");
        await using var engine = await StartEngineAsync();
        var first = await StartAsync(engine, "a");
        IEngineMember second;
        try
        {
            second = await StartAsync(engine, "a");
        }
        catch (InvalidOperationException)
        {
            Assert.Equal(NodeState.Ready, first.Node.State);
            return;
        }

        var witness = await StartAsync(engine, "b");
        for (var i = 0; first.Node.State == NodeState.Ready && second.Node.State == NodeState.Ready; i++)
        {
            // Each change is a chance for the two to hear of each other.
            Assert.True(i < 300, "both are still ready");
            await first.Node.Tracker.TrackAsync(first.Node.StartProcess(), "t", $"first {i}");
            await second.Node.Tracker.TrackAsync(second.Node.StartProcess(), "t", $"second {i}");
            await witness.Node.Tracker.TrackAsync(witness.Node.StartProcess(), "w", $"{i}");
            await SeesAsync(second, () => second.Node.Tracker.Count("w") > i || first.Node.State != NodeState.Ready, "the witness is seen");
        }

        Assert.Equal(NodeState.Failed, first.Node.State);
        Assert.Equal(NodeState.Ready, second.Node.State);
    }

    [SkippableFact]
    public async Task A_message_reaches_the_subscribers_of_every_member_in_the_order_sent()
    {
        await using var engine = await StartEngineAsync();
        var nodes = await StartThreeAsync(engine);
        await MeetAsync(nodes);
        var heard = nodes.Select(_ => new ConcurrentQueue<int>()).ToArray();
        var all = new CountdownEvent(3 * 300);
        foreach (var (node, queue) in nodes.Zip(heard))
        {
            node.Node.PubSub.Subscribe("news", message =>
            {
                queue.Enqueue(message.Body.Length);
                all.Signal();
            });
        }

        // Every tenth is too large for one notification or packet of any engine; it must not be overtaken.
        var sizes = Enumerable.Range(0, 300).Select(i => i % 10 == 9 ? 30_000 + i : 10 + i).ToArray();
        foreach (var size in sizes)
        {
            nodes[1].Node.PubSub.Broadcast(new PubSubMessage("news", "n", Encoding.UTF8.GetBytes(new string('x', size))));
        }

        Assert.True(await Task.Run(() => all.Wait(TimeSpan.FromSeconds(30))), $"{all.CurrentCount} of 900 did not arrive");
        Assert.All(heard, h => Assert.Equal(sizes, h));
    }

    private static void Quick(PresenceOptions options)
    {
        options.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(200);
        options.Tracker.MaxSilentPeriods = 3;
        options.Tracker.DownPeriod = TimeSpan.FromSeconds(2);
        options.ProbeTimeout = TimeSpan.FromMilliseconds(500);
    }

    private static Task<IEngineMember> StartAsync(IEngine engine, string name, Action<PresenceOptions>? more = null) =>
        engine.StartNodeAsync(name, more ?? (_ => { }));

    private static async Task<IEngineMember[]> StartThreeAsync(IEngine engine) =>
        [await StartAsync(engine, "a"), await StartAsync(engine, "b"), await StartAsync(engine, "c")];

    /// <summary>Waits until every member has seen a presence of every other.</summary>
    private static async Task MeetAsync(IEngineMember[] nodes)
    {
        foreach (var node in nodes)
        {
            await node.Node.Tracker.TrackAsync(node.Node.StartProcess(), "meeting", node.Node.Name);
        }

        foreach (var node in nodes)
        {
            await SeesAsync(node, () => node.Node.Tracker.Count("meeting") == nodes.Length, $"{node.Node.Name} sees all");
        }
    }

    private static string? Meta(IEngineMember at, string key) =>
        at.Node.Tracker.GetByKey("t", key) is [var entry] ? entry.Meta.ToString() : null;

    private static string[] Keys(IEngineMember at) => [.. at.Node.Tracker.List("t").Select(e => e.Key)];

    private static Task SeesAsync(IEngineMember at, Func<bool> isSo, string what) =>
        OnDiff.UntilAsync(at.Node.Tracker, isSo, what);
}
