namespace Presence.Grains.Tests.Client;

/// <summary>Counts-only topics over silos.</summary>
[Trait("Category", "Orleans")]
public sealed class CountsOnlyTests : IAsyncLifetime
{
    private const string Topic = "live:1";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);
    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        3, configureNode: o => o.Tracker.AddCountsOnly("live:*", TimeSpan.FromMilliseconds(100)));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Silos_count_alike_answer_pages_and_forget_a_silo_that_is_killed()
    {
        for (var i = 0; i < 3; i++)
        {
            var node = _cluster.ServiceOf<IPresenceNode>(_cluster.Silos[i]);
            var keys = Enumerable.Range(i * 20, 40).Select(k => $"{k:000}");
            await node.Tracker.TrackManyAsync(
                node.OpenSession(), [.. keys.Select(key => new TrackRequest(Topic, key, default))]);
            await UntilAsync((i + 1) * 40);
        }

        Assert.Equal(120, await _cluster.Client.CountAsync(Topic));
        Assert.InRange(await _cluster.Client.KeyCountAsync(Topic), 78, 82);
        var first = await _cluster.Client.PageAsync(Topic, null, 50);
        var second = await _cluster.Client.PageAsync(Topic, first.Next, 50);
        Assert.Equal(
            Enumerable.Range(0, 80).Select(k => $"{k:000}"),
            first.Presences.Concat(second.Presences).Select(e => e.Key).Distinct());
        Assert.Equal(120, first.Presences.Count + second.Presences.Count);
        Assert.Null(second.Next);

        await _cluster.Orleans.KillSiloAsync(_cluster.Silos[2]);
        await UntilAsync(80);
        Assert.Equal(80, (await _cluster.TrackerOf(_cluster.Silos[0]).PageAsync(Topic, null, 100)).Entries.Count);
    }

    [Fact]
    public async Task Client_catches_the_error_by_its_type()
    {
        var grain = _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>(Topic);
        Func<Task>[] calls =
        [
            () => grain.List(),
            () => grain.GetByKey("ann"),
            () => grain.GetSnapshot(),
            () => grain.Evict("ann"),
            () => _cluster.Client.SubscribeAsync(Topic, _ => ValueTask.CompletedTask).WaitAsync(Timeout),
        ];
        foreach (var call in calls)
        {
            Assert.Equal(Topic, (await Assert.ThrowsAsync<CountsOnlyTopicException>(call)).Topic);
        }
    }

    private async Task UntilAsync(int count) => await TestTimeouts.UntilAsync(
        $"all silos count {count}",
        Timeout,
        () => _cluster.Silos.All(silo => _cluster.TrackerOf(silo).Count(Topic) == count));
}
