using Presence.Node.LastSeenTimes;

namespace Presence.Node.Tests.LastSeenTimes;

public sealed class LastSeenTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Key_is_last_seen_when_its_last_presence_leaves()
    {
        var time = new TestTime(Start);
        await using var cluster = await StartAsync(time);
        var (tracker, phone) = cluster.First();
        var laptop = cluster[0].OpenSession();
        await tracker.TrackAsync(phone, "a", "ann");
        await tracker.TrackAsync(laptop, "b", "ann");
        phone.End();
        time.Advance(TimeSpan.FromMinutes(1));
        laptop.End();
        var seen = cluster.Services(0).GetRequiredService<IPresenceLastSeen>();
        await UntilAsync(seen, "ann", Start + TimeSpan.FromMinutes(1));
        await tracker.TrackAsync(cluster[0].OpenSession(), "a", "bob");
        var answers = await seen.LastSeenAsync(["ann", "bob", "eve", "bob"]);
        Assert.Equal(3, answers.Count);
        Assert.False(answers["ann"].IsOnline);
        Assert.Equal(new Node.LastSeen(true, null), answers["bob"]);
        Assert.Equal(new Node.LastSeen(false, null), answers["eve"]);
    }

    [Fact]
    public async Task Too_many_keys_are_rejected()
    {
        await using var cluster = await StartAsync(new TestTime(Start));
        var seen = cluster.Services(0).GetRequiredService<IPresenceLastSeen>();
        var keys = Enumerable.Range(0, 1001).Select(i => $"k{i}").ToArray();
        await Assert.ThrowsAsync<ArgumentException>(async () => await seen.LastSeenAsync(keys));
    }

    [Fact]
    public async Task Memory_forgets_the_oldest_keys_and_those_after_the_retention()
    {
        var time = new TestTime(Start);
        var store = new InMemoryLastSeenStore(2, TimeSpan.FromHours(1), time);
        await store.WriteAsync([new("a", Start), new("b", Start), new("c", Start)], default);
        await store.WriteAsync([new("c", Start - TimeSpan.FromDays(1))], default);
        var found = await store.ReadAsync(["a", "b", "c"], default);
        Assert.Equal(["b", "c"], found.Keys.Order());
        Assert.Equal(Start, found["c"]);
        time.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await store.ReadAsync(["a", "b", "c"], default));
    }

    [Fact]
    public async Task Times_that_the_store_does_not_take_are_stored_later_and_bounded()
    {
        var time = new TestTime(Start);
        var store = new FailingStore { IsFailing = true };
        await using var cluster = await StartAsync(time, store);
        var (tracker, session) = cluster.First();
        const int Count = LastSeenRecorder.MaxPending + 5;
        await tracker.TrackManyAsync(
            session, [.. Enumerable.Range(0, Count).Select(i => new TrackRequest("t", $"k{i}"))]);
        session.End();
        await store.Attempts.CountAsync(1);
        store.IsFailing = false;
        await TestTimeouts.UntilAsync("it tries again", TestTimeout, () =>
        {
            time.Advance(LastSeenRecorder.RetryInterval);
            return store.Times.Count == LastSeenRecorder.MaxPending;
        });
        Assert.All(store.Attempts.All, count => Assert.InRange(count, 1, LastSeenRecorder.MaxBatch));
    }

    [Fact]
    public async Task All_keys_that_leave_at_once_are_stored()
    {
        var store = new FailingStore();
        await using var cluster = await StartAsync(new TestTime(Start), store);
        var (tracker, session) = cluster.First();
        const int Count = 2 * LastSeenRecorder.MaxPending;
        await tracker.TrackManyAsync(
            session, [.. Enumerable.Range(0, Count).Select(i => new TrackRequest("t", $"k{i}"))]);
        session.End();
        await TestTimeouts.UntilAsync("all are stored", TestTimeout, () => store.Times.Count == Count);
        Assert.All(store.Attempts.All, count => Assert.InRange(count, 1, LastSeenRecorder.MaxBatch));
    }

    [Fact]
    public async Task Shared_store_is_written_by_one_node_also_after_the_owner_has_stopped()
    {
        var stores = Enumerable.Range(0, 3).Select(_ => new FailingStore { IsShared = true }).ToArray();
        await using var cluster = new TestCluster();
        for (var i = 0; i < 3; i++)
        {
            var store = stores[i];
            await cluster.AddAsync($"n{i}", more: services => Add(services, store));
        }

        await TestCluster.UntilNodesAsync(cluster, 3);
        var (tracker, observer) = (cluster.Tracker(0), cluster.Tracker(1));
        var session = cluster[0].OpenSession();
        await tracker.TrackAsync(session, "t", "ann");
        await tracker.TrackAsync(cluster[0].OpenSession(), "t", "bob");
        await TestCluster.UntilAsync(observer, () => observer.Count("t") == 2, "node 1 lists both");
        session.End();
        await TestTimeouts.UntilAsync("ann is stored", TestTimeout, () => stores[0].Times.ContainsKey("ann"));
        await TestCluster.UntilAsync(observer, () => observer.Count("t") == 1, "node 1 lists one");

        await cluster.StopAsync(0);
        await TestTimeouts.UntilAsync(
            "bob is stored", TestTimeout, () => stores.Skip(1).Any(store => store.Times.ContainsKey("bob")));
        Assert.DoesNotContain(stores.Skip(1), store => store.Times.ContainsKey("ann"));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void Options_out_of_range_are_reported(int keys, int seconds)
    {
        var options = new LastSeenOptions { MaxKeys = keys, Retention = TimeSpan.FromSeconds(seconds) };
        Assert.Contains("Presence:LastSeen:", Assert.Throws<ArgumentException>(options.Validate).Message);
    }

    private static async Task<TestCluster> StartAsync(TestTime time, ILastSeenStore? store = null)
    {
        var cluster = new TestCluster(time);
        await cluster.AddAsync("n0", more: services => Add(services, store));
        return cluster;
    }

    private static void Add(IServiceCollection services, ILastSeenStore? store)
    {
        if (store is not null)
        {
            services.AddSingleton(store);
        }

        services.AddPresenceLastSeen();
    }

    private static async Task UntilAsync(IPresenceLastSeen seen, string key, DateTimeOffset at) =>
        await TestTimeouts.UntilAsync(
            $"{key} was seen at {at}",
            TestTimeout,
            async () => (await seen.LastSeenAsync([key]))[key] == new Node.LastSeen(false, at));

    private sealed class FailingStore : ILastSeenStore
    {
        public bool IsShared { get; init; }

        public volatile bool IsFailing;

        public Awaited<int> Attempts { get; } = new();

        public System.Collections.Concurrent.ConcurrentDictionary<string, DateTimeOffset> Times { get; } = new();

        public ValueTask WriteAsync(
            IReadOnlyCollection<KeyValuePair<string, DateTimeOffset>> times, CancellationToken cancellation)
        {
            Attempts.Add(times.Count);
            if (IsFailing)
            {
                throw new InvalidOperationException("as asked");
            }

            foreach (var (key, at) in times)
            {
                Times[key] = at;
            }

            return default;
        }

        public ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(
            IReadOnlyCollection<string> keys, CancellationToken cancellation) =>
            new(Times.Where(pair => keys.Contains(pair.Key)).ToDictionary());
    }
}
