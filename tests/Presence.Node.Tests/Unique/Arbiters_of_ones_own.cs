namespace Presence.Node.Tests.Unique;

/// <summary>Processes that somebody else arbitrates.</summary>
public sealed class Arbiters_of_ones_own
{
    private readonly Watch _watch = new();

    [Fact]
    public async Task One_that_is_registered_decides_and_the_directory_knows_what_it_decided()
    {
        await using var cluster = await StartAsync();
        await _watch.UntilAsync("n1 starts");
        for (var member = 0; member < 2; member++)
        {
            await cluster.KnowsAsync(member, s => s is { Node: "n1", Epoch: 1, Since: not null, Standbys: ["n0"] });
        }

        await cluster.StopAsync(1);
        await _watch.UntilAsync("n1 ends: Shutdown");
        Assert.Equal(["n1 starts", "n1 ends: Shutdown"], _watch.Seen);
    }

    [Fact]
    public async Task One_that_cannot_arbitrate_refuses_the_start()
    {
        var cluster = new TestCluster();
        var arbiter = new StubArbiter { Refuses = "no coin to toss" };
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => AddAsync(cluster, "n0", arbiter));
        Assert.Equal("no coin to toss", e.Message);
    }

    [Fact]
    public async Task A_hand_over_that_was_meant_for_one_member_moves_no_other()
    {
        await using var cluster = await StartAsync();
        await _watch.UntilAsync("n1 starts");
        var heard = new TaskCompletionSource();
        using var last = cluster[1].PubSub.Subscribe(UniqueProcessHost.Topic, message =>
        {
            if (message.Event == "last")
            {
                heard.TrySetResult();
            }
        });
        cluster[0].PubSub.Broadcast(HandOver("n0\njob"));
        cluster[0].PubSub.Broadcast(HandOver("job"));
        cluster[0].PubSub.Broadcast(HandOver("n1\njo"));
        cluster[0].PubSub.Broadcast(new PubSubMessage(UniqueProcessHost.Topic, "last", new byte[] { 0 }, IsBinary: true));
        await heard.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await cluster.StopAsync(1);
        await _watch.UntilAsync("n1 ends: Shutdown");
    }

    private static PubSubMessage HandOver(string body) =>
        new(UniqueProcessHost.Topic, UniqueProcessHost.HandOverEvent, System.Text.Encoding.UTF8.GetBytes(body), IsBinary: true);

    /// <summary>Two members of which the second one wins, once.</summary>
    private async Task<TestCluster> StartAsync()
    {
        var cluster = new TestCluster();
        await AddAsync(cluster, "n0", new StubArbiter());
        await AddAsync(cluster, "n1", new StubArbiter(new StubTerm()));
        return cluster;
    }

    private Task<PresenceNode> AddAsync(TestCluster cluster, string name, IUniqueArbiter arbiter) =>
        cluster.AddAsync(name, more: services => services
            .AddSingleton(_watch)
            .AddSingleton(arbiter)
            .AddUniqueProcess<Watched>("job", o => o.Mode = UniqueProcessMode.Consistent));
}
