using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Streams;

namespace Presence.Grains.Tests.Client;

/// <summary>What a subscriber of a stream does when publishers of its topic change.</summary>
[Trait("Category", "Engine.Orleans")]
public sealed class StreamReaderTests
{
    [Fact]
    public async Task Subscriber_returns_from_a_publisher_of_a_higher_term_that_nobody_else_knows()
    {
        await using var cluster = await PresenceCluster.StartAsync(1);
        var silo = cluster.Silos[0];
        var ledger = new Ledger();
        await using var watch = await cluster.Client.FollowAsync("lobby", ledger.TakeAsync);
        var lobby = cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");
        await lobby.Track("ann");
        var ann = await ledger.JoinedAsync("ann");

        // As a silo would that joined, published the topic and was killed before the others had its manifest.
        var position = await lobby.Position();
        await cluster.ServiceOf<IClusterClient>(silo)
            .GetStreamProvider(PresenceStreams.Queues)
            .GetStream<TopicChanges>(PresenceStreams.Diffs("lobby"))
            .OnNextAsync(new TopicChanges("lobby", "gone", 1, IsReset: true, [ann], "gone", position.Term + 1, []));

        var bob = await lobby.Track("bob");
        await ledger.JoinedAsync("bob");
        await lobby.Untrack(bob);
        await ledger.LeftAsync("bob");
        ledger.AssertTrue();
        ledger.AssertNobodyCameBack();
    }
}
