namespace Presence.Harness.Conformance;

/// <summary>Conformance suite for requests and membership of an <see cref="IClusterTransport"/>.</summary>
public abstract class MembershipConformance
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>Returns a cluster without nodes. Skips the test where the transport is unavailable.</summary>
    protected abstract Task<ITestCluster> StartClusterAsync();

    /// <summary>Returns the incarnation reported on removal: the last that the node may have had.</summary>
    protected virtual ulong LastOf(ulong incarnation) => incarnation;

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Request_returns_the_response_of_the_other_node(bool answer)
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var response = new TaskCompletionSource<bool>();
        cluster.AtB.Respond = _ => response.Task;
        var pending = RequestAsync(cluster.A, "b", "are you there?");
        await cluster.AtB.UntilAsync("request", "a");
        Assert.False(pending.IsCompleted);
        response.SetResult(answer);
        Assert.Equal(answer, await pending);
        var request = Assert.Single(cluster.AtB.All, h => h.Kind == "request");
        Assert.Equal(("a", "are you there?"), (request.From, request.Text));
    }

    [SkippableFact]
    public async Task Concurrent_requests_return_their_own_responses()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.AtB.Respond = request => Task.FromResult(int.Parse(request.Text[1..]) % 2 == 0);
        cluster.AtA.Respond = request => Task.FromResult(int.Parse(request.Text[1..]) % 3 == 0);
        var fromA = Enumerable.Range(0, 200).Select(i => RequestAsync(cluster.A, "b", $"q{i}")).ToArray();
        var fromB = Enumerable.Range(0, 200).Select(i => RequestAsync(cluster.B, "a", $"q{i}")).ToArray();
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 2 == 0), await Task.WhenAll(fromA));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => i % 3 == 0), await Task.WhenAll(fromB));
    }

    [SkippableFact]
    public async Task Large_request_is_answered()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        Assert.True(await RequestAsync(cluster.A, "c", new string('?', 20_000)));
        Assert.Contains(cluster.AtC.All, h => h.Kind == "request" && h.Frame.Body.Length == 20_000);
    }

    [SkippableFact]
    public async Task Request_that_is_cancelled_returns_false()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var never = new TaskCompletionSource<bool>();
        cluster.AtB.Respond = _ => never.Task;
        using var timeout = new CancellationTokenSource();
        var answer = cluster.A.Transport.RequestAsync("b", Frames.Of("well?"), timeout.Token).AsTask();
        await cluster.AtB.UntilAsync("request", "a");
        Assert.False(answer.IsCompleted);
        await timeout.CancelAsync();
        Assert.False(await answer.WaitAsync(Timeout));
        never.SetResult(true);
        // A late response must not complete another request.
        cluster.AtB.Respond = _ => Task.FromResult(false);
        Assert.False(await RequestAsync(cluster.A, "b", "and now?"));
    }

    [SkippableFact]
    public async Task Request_whose_receiver_throws_returns_false()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        cluster.AtB.Respond = _ => throw new InvalidTimeZoneException();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        Assert.False(await cluster.A.Transport.RequestAsync("b", Frames.Of("well?"), timeout.Token));
        cluster.AtB.Respond = _ => Task.FromResult(true);
        Assert.True(await RequestAsync(cluster.A, "b", "still there?"));
    }

    [SkippableFact]
    public async Task Request_to_an_unknown_node_returns_false()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        Assert.False(await cluster.A.Transport.RequestAsync("nobody", Frames.Of("hello?"), timeout.Token));
    }

    [SkippableFact]
    public async Task Request_to_a_killed_node_returns_false()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        await cluster.B.KillAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        Assert.False(await cluster.A.Transport.RequestAsync("b", Frames.Of("hello?"), timeout.Token));
    }

    [SkippableFact]
    public async Task Existing_nodes_are_reported_before_the_start_completes()
    {
        await using var nodes = await StartClusterAsync();
        await nodes.StartTransportAsync("a", new ReceivedFrames());
        await nodes.StartTransportAsync("b", new ReceivedFrames());
        var received = new ReceivedFrames();
        await nodes.StartTransportAsync("c", received);
        Assert.Equal(["a", "b"], received.All.Where(h => h.Kind == "joined").Select(h => h.From).Distinct().Order());
    }

    [SkippableFact]
    public async Task New_node_is_reported_to_all_existing_nodes()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        await cluster.Cluster.StartTransportAsync("d", new ReceivedFrames());
        await cluster.AtA.UntilAsync("joined", "d");
        await cluster.AtB.UntilAsync("joined", "d");
        await cluster.AtC.UntilAsync("joined", "d");
    }

    [SkippableFact]
    public async Task Stopped_node_is_reported_as_removed_with_its_incarnation()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var incarnation = cluster.B.Transport.Incarnation;
        await cluster.B.StopAsync();
        await cluster.AtA.UntilAsync("removed", "b");
        await cluster.AtC.UntilAsync("removed", "b");
        Assert.All(
            cluster.AtA.All.Concat(cluster.AtC.All).Where(h => h.Kind == "removed"),
            h => Assert.Equal(("b", LastOf(incarnation)), (h.From, h.Incarnation)));
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Restarted_node_has_a_higher_incarnation_and_is_reachable_again(bool isGraceful)
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var first = cluster.B.Transport.Incarnation;
        await (isGraceful ? cluster.B.StopAsync() : cluster.B.KillAsync());
        var back = new ReceivedFrames();
        var again = await cluster.Cluster.StartTransportAsync("b", back);
        Assert.True(again.Transport.Incarnation > first);
        await cluster.AtA.UntilAsync(
            all => all.Count(h => h is { Kind: "joined", From: "b" }) >= 2, "b is reported a second time");
        again.Transport.Broadcast(Frames.Of("here again"));
        await cluster.AtA.UntilAsync("frame", "b");
        cluster.A.Transport.Send("b", Frames.Of("welcome"));
        await back.UntilAsync("frame", "a");
        Assert.True(await RequestAsync(cluster.A, "b", "is it you?"));
        // Removal is final, so it must never be reported for the live incarnation.
        Assert.All(
            cluster.AtA.All.Where(h => h.Kind == "removed"),
            h => Assert.True(h.Incarnation < again.Transport.Incarnation));
    }

    [SkippableFact]
    public async Task Killed_node_is_not_reported_as_removed_with_an_incarnation_above_its_own()
    {
        await using var cluster = await Trio.StartAsync(await StartClusterAsync());
        var incarnation = cluster.B.Transport.Incarnation;
        await cluster.B.KillAsync();
        cluster.A.Transport.Broadcast(Frames.Of("after"));
        await cluster.AtC.UntilAsync("frame", "a");
        Assert.All(
            cluster.AtC.All.Where(h => h.Kind == "removed"),
            h => Assert.True(h.From == "b" && h.Incarnation <= LastOf(incarnation)));
    }

    private static async Task<bool> RequestAsync(ITestClusterNode from, string to, string text)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        return await from.Transport.RequestAsync(to, Frames.Of(text), timeout.Token);
    }
}
