using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Streams;

namespace Presence.Grains.Tests.Client;

/// <summary>A stream subscriber while the publishers of its topic change.</summary>
[Trait("Category", "Orleans")]
public sealed class StreamReaderTests
{
    [Fact]
    public async Task Subscriber_returns_from_an_unknown_publisher_with_a_higher_term()
    {
        await using var cluster = await PresenceCluster.StartAsync(1);
        var silo = cluster.Silos[0];
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync(
            "lobby", ledger.HandleAsync, SubscriptionKind.Stream);
        var lobby = cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");
        await lobby.Track("ann");
        var ann = await ledger.JoinedAsync("ann");

        // Simulates a silo that joined, published the topic and was killed before the others had its manifest.
        var position = await lobby.GetStreamPosition();
        await cluster.ServiceOf<IClusterClient>(silo)
            .GetStreamProvider(PresenceStreams.Queues)
            .GetStream<TopicChanges>(PresenceStreams.Diffs("lobby"))
            .OnNextAsync(new TopicChanges("lobby", "gone", 1, IsReset: true, [ann], "gone", position.Term + 1, []));

        var bob = await lobby.Track("bob");
        await ledger.JoinedAsync("bob");
        await lobby.Untrack(bob);
        await ledger.LeftAsync("bob");
        ledger.AssertConsistent();
        ledger.AssertNobodyCameBack();
    }

    [Fact]
    public Task Stream_is_followed_again_within_five_seconds_after_its_publisher_and_store_were_declared_dead() =>
        TimeBound.MustHoldAsync("The return of the stream", TimeSpan.FromSeconds(5), _ => RecoveryAsync());

    /// <summary>
    /// Returns the time from the declared death of the publisher and the store to the first change that arrives as an
    /// event of the stream, without a list.
    /// </summary>
    private static async Task<TimeSpan> RecoveryAsync()
    {
        await using var cluster = await PresenceCluster.StartAsync(4);
        var keeper = cluster.Silos[0];
        var node = cluster.ServiceOf<IPresenceNode>(keeper);
        using var session = node.OpenSession();
        var client = cluster.ServiceOf<IPresenceClient>(keeper);
        var catchUps = cluster.ServiceOf<Grains.Client.ClientInstruments>(keeper);
        var ledger = new Ledger();
        await using var subscription = await client.SubscribeAsync(
            "lobby", ledger.HandleAsync, SubscriptionKind.Stream);
        await node.Tracker.TrackAsync(session, "lobby", "before");
        await ledger.JoinedAsync("before");

        // One of the others keeps the subscription in memory; with all of them it is lost.
        var killed = cluster.Silos.Where(s => s != keeper).ToList();
        foreach (var silo in killed)
        {
            await cluster.Orleans.KillSiloAsync(silo);
        }

        var membership = cluster.ServiceOf<ISiloStatusOracle>(keeper);
        await TestTimeouts.UntilAsync(
            "the silos are declared dead",
            TimeSpan.FromSeconds(60),
            () => killed.TrueForAll(s => membership.GetApproximateSiloStatus(s.SiloAddress) == SiloStatus.Dead));
        var declared = Stopwatch.GetTimestamp();
        long lists;
        do
        {
            lists = catchUps.CatchUps;
            await node.Tracker.TrackAsync(session, "lobby", $"first {lists}");
            await ledger.JoinedAsync($"first {lists}");
        }
        while (catchUps.CatchUps > lists);
        var recovery = Stopwatch.GetElapsedTime(declared);

        await cluster.Orleans.StartAdditionalSiloAsync();
        var lobby = cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");
        await TestTimeouts.UntilAsync("the stream is published", TimeSpan.FromSeconds(60), async () =>
        {
            try
            {
                return (await lobby.GetStreamPosition()).Sequence > 0;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return false;
            }
        });
        var published = Stopwatch.GetTimestamp();
        var before = catchUps.CatchUps;
        var missed = 0;
        for (var i = 0; Stopwatch.GetElapsedTime(published) < TimeSpan.FromSeconds(5); i++)
        {
            await node.Tracker.TrackAsync(session, "lobby", $"k{i}");
            await ledger.JoinedAsync($"k{i}");
            await node.Tracker.UntrackAsync(session, "lobby", $"k{i}");
            var reason = (await ledger.LeftAsync($"k{i}")).Reason;
            missed += reason == LeaveReason.Unknown ? 1 : 0;
            Assert.True(reason is LeaveReason.Untracked or LeaveReason.Unknown, $"{reason}");
        }

        // A leave whose reason is not known was found by catching up.
        var recovered = catchUps.CatchUps;
        Assert.InRange(recovered - before, missed, 4);
        await node.Tracker.TrackAsync(session, "lobby", "after");
        await ledger.JoinedAsync("after");
        Assert.Equal(recovered, catchUps.CatchUps);
        ledger.AssertConsistent();
        return recovery;
    }
}
