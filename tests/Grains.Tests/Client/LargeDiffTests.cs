namespace Presence.Grains.Tests.Client;

/// <summary>Diffs of more changes than a subscriber may lag behind, such as the end of a node.</summary>
[Trait("Category", "Orleans")]
public sealed class LargeDiffTests
{
    private const int Presences = 3000;

    [Fact]
    public async Task Observer_and_stream_receive_a_diff_that_is_larger_than_their_queues()
    {
        await using var cluster = await PresenceCluster.StartAsync(1, o => o.ObserverQueueCapacity = 10);
        var (silo, client) = (cluster.Silos[0], cluster.Orleans.Client);
        var observer = new Observer();
        await client.GetGrain<ITopicPresenceGrain>("big").Subscribe(
            client.CreateObjectReference<IPresenceObserver>(observer));
        var published = new Awaited<TopicChanges>();
        await client.GetStreamProvider(PresenceStreams.Provider)
            .GetStream<TopicChanges>(PresenceStreams.Diffs("big"))
            .SubscribeAsync((changes, _) =>
            {
                published.Add(changes);
                return Task.CompletedTask;
            });
        await published.FirstAsync(changes => changes.IsReset);

        var session = cluster.ServiceOf<IPresenceNode>(silo).OpenSession();
        await cluster.TrackerOf(silo).TrackManyAsync(
            session, [.. Enumerable.Range(0, Presences).Select(i => new TrackRequest("big", $"k{i}"))]);
        await ReceivedAsync(Presences);
        session.End();
        await ReceivedAsync(2 * Presences);

        Assert.Equal(0, cluster.ServiceOf<ObserverRegistry>(silo).CutOff);
        Assert.Single(published.All, changes => changes.IsReset);
        foreach (var received in new[] { observer.Received.All, published.All })
        {
            Assert.All(received, changes => Assert.InRange(changes.Changes.Count, 0, 1000));
            Assert.Equal(
                [PresenceChangeKind.Joined, PresenceChangeKind.Left],
                received.SelectMany(all => all.Changes).Chunk(Presences)
                    .Select(part => Assert.Single(part.Select(change => change.Kind).Distinct())));
        }

        GC.KeepAlive(observer);

        async Task ReceivedAsync(int count)
        {
            foreach (var received in new[] { observer.Received, published })
            {
                await received.UntilAsync(all => all.Sum(c => c.Changes.Count) >= count, $"{count} changes arrived");
            }
        }
    }
}
