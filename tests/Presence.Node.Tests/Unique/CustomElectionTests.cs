using Presence.Node.Hosting;
using Presence.Node.Unique.Hosting;

namespace Presence.Node.Tests.Unique;

/// <summary>Unique processes with a custom election.</summary>
public sealed class CustomElectionTests
{
    private readonly Watch _watch = new();

    [Fact]
    public async Task Registered_election_decides_and_the_directory_shows_its_result()
    {
        await using var cluster = await StartAsync();
        await _watch.UntilAsync("n1 starts");
        for (var node = 0; node < 2; node++)
        {
            await cluster.KnowsAsync(node, s => s is { Node: "n1", Epoch: 1, Since: not null, Standbys: ["n0"] });
        }

        await cluster.StopAsync(1);
        await _watch.UntilAsync("n1 ends: Shutdown");
        Assert.Equal(["n1 starts", "n1 ends: Shutdown"], _watch.Seen);
    }

    [Fact]
    public async Task Election_whose_validation_fails_fails_the_start()
    {
        var cluster = new TestCluster();
        var election = new StubElection { Error = "no coin to toss" };
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => AddAsync(cluster, "n0", election));
        Assert.Equal("no coin to toss", e.Message);
    }

    [Fact]
    public async Task Hand_over_request_for_one_node_affects_no_other()
    {
        await using var cluster = await StartAsync();
        await _watch.UntilAsync("n1 starts");
        var received = new TaskCompletionSource();
        using var last = cluster[1].PubSub.Subscribe(UniqueProcessHost.Topic, message =>
        {
            if (message.Event == "last")
            {
                received.TrySetResult();
            }
        });
        cluster[0].PubSub.Broadcast(HandOver("n0\njob"));
        cluster[0].PubSub.Broadcast(HandOver("job"));
        cluster[0].PubSub.Broadcast(HandOver("n1\njo"));
        cluster[0].PubSub.Broadcast(
            new PubSubMessage(UniqueProcessHost.Topic, "last", new byte[] { 0 }, IsBinary: true));
        await received.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await cluster.StopAsync(1);
        await _watch.UntilAsync("n1 ends: Shutdown");
    }

    private static PubSubMessage HandOver(string body) =>
        new(
            UniqueProcessHost.Topic,
            UniqueProcessHost.HandOverEvent,
            System.Text.Encoding.UTF8.GetBytes(body),
            IsBinary: true);

    /// <summary>Starts two nodes; the second is elected once.</summary>
    private async Task<TestCluster> StartAsync()
    {
        var cluster = new TestCluster();
        await AddAsync(cluster, "n0", new StubElection());
        await AddAsync(cluster, "n1", new StubElection(new StubLeadership()));
        return cluster;
    }

    private Task<PresenceNode> AddAsync(TestCluster cluster, string name, ILeaderElection election) =>
        cluster.AddAsync(name, more: services => services
            .AddSingleton(_watch)
            .AddSingleton(election)
            .AddUniqueProcess<Watched>("job", o => o.Mode = UniqueProcessMode.Consistent));
}
