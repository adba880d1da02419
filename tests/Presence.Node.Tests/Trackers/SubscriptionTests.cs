using System.Threading.Channels;

namespace Presence.Node.Tests.Trackers;

/// <summary>A subscription is a snapshot and exactly the later diffs, each with its position.</summary>
public sealed class SubscriptionTests
{
    [Fact]
    public async Task Diff_carries_the_topic_after_it()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t", "first");
        var diffs = Channel.CreateUnbounded<TopicDiff>();
        using var subscription = tracker.Subscribe("t", diff => diffs.Writer.TryWrite(diff));
        await tracker.TrackAsync(session, "t", "second");
        await tracker.TrackAsync(session, "other", "k");
        await tracker.UntrackAsync(session, "t", "first");
        var joined = await diffs.Reader.ReadAsync().AsTask().WaitAsync(TestTimeout);
        var left = await diffs.Reader.ReadAsync().AsTask().WaitAsync(TestTimeout);
        Assert.Equal(["first"], subscription.Snapshot.Select(e => e.Key));
        Assert.Equal(["first", "second"], joined.View!.Snapshot.Select(e => e.Key));
        Assert.Equal(["second"], left.View!.Snapshot.Select(e => e.Key));
        Assert.True(subscription.Version < joined.Version && joined.Version < left.Version);
        Assert.Equal(["second"], tracker.ViewOf("t").Snapshot.Select(e => e.Key));
    }

    [Fact]
    public async Task Diff_carries_the_clocks_that_cover_its_changes()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var (here, there) = (cluster.Tracker(1), cluster.Tracker(0));
        var diffs = Channel.CreateUnbounded<TopicDiff>();
        using var subscription = here.Subscribe("t", diff => diffs.Writer.TryWrite(diff));
        var entry = await there.TrackAsync(cluster[0].OpenSession(), "t", "k");
        var diff = await diffs.Reader.ReadAsync().AsTask().WaitAsync(TestTimeout);
        var clock = Assert.Single(diff.View!.Known.Others);
        Assert.Equal((entry.Owner, entry.Sequence, true), (clock.Replica, clock.Clock, clock.IsShown));
        Assert.InRange(Assert.Single(subscription.View.Known.Others).Clock, 1UL, entry.Sequence - 1);
        Assert.Equal("n1", diff.View.Known.Local.Node);
        Assert.Equal(clock, Assert.Single(here.ViewOf("t").Known.Others));
        await cluster.StopAsync(0);
        await TestCluster.UntilAsync(here, () => here.Count("t") == 0, "the stopped node is removed");
        Assert.Empty(here.ViewOf("t").Known.Others);
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(2)]
    public async Task Snapshot_and_diffs_yield_the_list_with_concurrent_writers(int capacity)
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.HandlerQueueCapacity = capacity);
        var tracker = cluster.Tracker(0);
        var replays = new ConcurrentBag<Replay>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            var random = new Random(writer);
            var session = cluster[0].OpenSession();
            for (var step = 0; step < 300; step++)
            {
                var key = $"k{random.Next(5)}";
                if (tracker.GetByKey("t", key).All(e => e.Process != session.Id))
                {
                    await tracker.TrackAsync(session, "t", key);
                }
                else if (random.Next(2) == 0)
                {
                    await tracker.UpdateAsync(session, "t", key, PresenceMeta.Empty);
                }
                else
                {
                    await tracker.UntrackAsync(session, "t", key);
                }

                if (step % 30 == 0)
                {
                    replays.Add(new Replay(tracker, "t"));
                }
                else if (step % 100 == 99 && replays.TryPeek(out var last))
                {
                    last.Dispose();
                }
            }
        })));
        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        Assert.All(replays, replay => Assert.Null(replay.Fault));
        var list = tracker.List("t").Select(e => e.Ref).Order().ToArray();
        Assert.All(replays.Where(replay => !replay.IsDisposed), replay => Assert.Equal(list, replay.Refs));
        foreach (var replay in replays)
        {
            replay.Dispose();
        }
    }

    [Fact]
    public async Task Diffs_beyond_the_capacity_are_coalesced_to_their_net_effect()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.HandlerQueueCapacity = 2, new TestTime());
        using var coalesced = new Counted("presence.handler.coalesced", node: cluster[0]);
        var (tracker, session) = cluster.First();
        using var entered = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        using var slow = tracker.Subscribe("slow", _ =>
        {
            entered.Release();
            go.Wait(TestTimeout);
        });
        var diffs = new List<TopicDiff>();
        using var subscription = tracker.Subscribe("t", diffs.Add);
        await tracker.TrackAsync(session, "slow", "k");
        Assert.True(await entered.WaitAsync(TestTimeout));
        await tracker.TrackAsync(session, "t", "first");
        await tracker.TrackAsync(session, "t", "second");
        for (var round = 0; round < 1000; round++)
        {
            await tracker.TrackAsync(session, "t", "passing");
            await tracker.UntrackAsync(session, "t", "passing");
        }

        await tracker.UntrackAsync(session, "t", "first");
        await tracker.TrackAsync(session, "t", "last");
        await tracker.TrackAsync(session, "slow", "k2");
        await coalesced.UntilAsync(2);
        go.Set();
        await tracker.DeliveredAsync().WaitAsync(TestTimeout);
        Assert.Equal(
            ["Joined first", "Joined second", "Left first, Joined last"],
            diffs.Select(d => string.Join(", ", d.Changes.Select(c => $"{c.Kind} {c.Entry.Key}"))));
        Assert.Equal(["last", "second"], diffs[^1].View!.Snapshot.Select(e => e.Key));
        Assert.Equal(2, coalesced.Sum);
    }

    /// <summary>Applies the diffs of a subscription and checks each against the state and position before it.</summary>
    private sealed class Replay : IDisposable
    {
        private readonly ManualResetEventSlim _begun = new();
        private readonly TopicSubscription _subscription;
        private readonly SortedSet<string> _refs = new(StringComparer.Ordinal);
        private long _version;

        public Replay(IPresenceTracker tracker, string topic)
        {
            _subscription = tracker.Subscribe(topic, Apply);
            _version = _subscription.Version;
            _refs.UnionWith(_subscription.Snapshot.Select(e => e.Ref));
            _begun.Set();
        }

        public string? Fault { get; private set; }

        public bool IsDisposed { get; private set; }

        public IEnumerable<string> Refs => _refs;

        public void Dispose()
        {
            IsDisposed = true;
            _subscription.Dispose();
        }

        private void Apply(TopicDiff diff)
        {
            // The first diff may come before Subscribe has returned.
            _begun.Wait(TestTimeout);
            Fault ??= diff.Version > _version ? null : $"version {diff.Version} after {_version}";
            _version = diff.Version;
            foreach (var change in diff.Changes)
            {
                Fault ??= change.LastShown is null || _refs.Remove(change.LastShown.Ref)
                    ? null
                    : $"{change} of the unknown";
                Fault ??= change.Kind == PresenceChangeKind.Left || _refs.Add(change.Entry.Ref)
                    ? null
                    : $"{change} of the known";
            }

            Fault ??= _refs.SetEquals(diff.View!.Snapshot.Select(e => e.Ref))
                ? null
                : $"another state at version {_version}";
        }
    }
}
