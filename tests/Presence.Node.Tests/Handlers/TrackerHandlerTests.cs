namespace Presence.Node.Tests.Handlers;

public sealed class TrackerHandlerTests
{
    [Fact]
    public async Task Throwing_handler_keeps_receiving_and_affects_no_other()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var calls = 0;
        var third = new TaskCompletionSource();
        await using var handler = await cluster.Tracker(0).AddHandlerAsync(new OnDiff(_ =>
        {
            if (++calls == 3)
            {
                third.SetResult();
            }

            throw new InvalidTimeZoneException();
        }));
        var good = new TaskCompletionSource();
        await using var other = await cluster.Tracker(0).AddHandlerAsync(new OnDiff(_ => good.TrySetResult()));
        var session = cluster[0].OpenSession();
        for (var i = 0; i < 3; i++)
        {
            await cluster.Tracker(0).TrackAsync(session, "t", $"k{i}");
        }

        await third.Task.WaitAsync(TestTimeout);
        await good.Task.WaitAsync(TestTimeout);
    }

    [Fact]
    public async Task Lagging_handler_receives_the_net_effect_and_ends_with_the_listed_state()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.HandlerQueueCapacity = 4);
        var tracker = cluster.Tracker(0);
        using var go = new SemaphoreSlim(0);
        using var entered = new SemaphoreSlim(0);
        var shown = new Dictionary<string, string>();
        var diffs = 0;
        var listed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = new Slow(entered, go, diff =>
        {
            diffs++;
            foreach (var change in diff.Topics.SelectMany(t => t.Changes))
            {
                if (change.LastShown is { } last)
                {
                    Assert.True(shown.Remove(last.Key));
                }

                if (change.Kind != PresenceChangeKind.Left)
                {
                    shown.Add(change.Entry.Key, change.Entry.Ref);
                }
            }

            if (shown.ContainsKey("last"))
            {
                listed.SetResult();
            }
        });
        await using var handler = await tracker.AddHandlerAsync(slow);
        var session = cluster[0].OpenSession();
        await tracker.TrackAsync(session, "t", "first");
        Assert.True(await entered.WaitAsync(TestTimeout));
        for (var i = 0; i < 500; i++)
        {
            await tracker.TrackAsync(session, "t", $"k{i}");
            await tracker.UpdateAsync(session, "t", $"k{i}", PresenceMeta.Parse("""{"v":1}"""));
            if (i % 10 != 0)
            {
                await tracker.UntrackAsync(session, "t", $"k{i}");
            }
        }

        await tracker.TrackAsync(session, "t", "last");
        go.Release(10_000);
        await listed.Task.WaitAsync(TestTimeout);
        Assert.InRange(diffs, 2, 8);
        Assert.Equal(
            tracker.List("t").Select(e => (e.Key, e.Ref)),
            shown.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => (s.Key, s.Value)));
    }

    [Fact]
    public async Task Messages_arrive_in_order_and_are_rejected_when_too_many_wait()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.HandlerQueueCapacity = 8);
        using var go = new SemaphoreSlim(0);
        using var entered = new SemaphoreSlim(0);
        var slow = new Slow(entered, go, _ => { });
        await using var handler = await cluster.Tracker(0).AddHandlerAsync(slow);
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "t", "k");
        Assert.True(await entered.WaitAsync(TestTimeout));
        var accepted = Enumerable.Range(0, 20).Select(i => slow.Send!(i)).ToArray();
        Assert.Equal(8, accepted.Count(t => t));
        go.Release(100);
        await slow.Until(8).WaitAsync(TestTimeout);
        Assert.Equal(Enumerable.Range(0, 8).Cast<object>(), slow.Infos);
    }

    [Fact]
    public async Task Exception_of_InitAsync_fails_AddHandlerAsync()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        await Assert.ThrowsAsync<InvalidTimeZoneException>(
            async () => await cluster.Tracker(0).AddHandlerAsync(new FailsAtStart()));
    }

    private sealed class FailsAtStart : IPresenceHandler
    {
        public ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation) =>
            throw new InvalidTimeZoneException();

        public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation) => default;
    }

    /// <summary>Blocks in each diff until a release.</summary>
    private sealed class Slow(SemaphoreSlim entered, SemaphoreSlim go, Action<PresenceDiff> onDiff) : IPresenceHandler
    {
        private readonly Lock _gate = new();
        private TaskCompletionSource? _reached;
        private int _awaited;

        public Func<object, bool>? Send { get; private set; }

        public List<object> Infos { get; } = [];

        public Task Until(int infos)
        {
            lock (_gate)
            {
                _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
                _awaited = infos;
                if (Infos.Count >= infos)
                {
                    _reached.SetResult();
                }

                return _reached.Task;
            }
        }

        public ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation)
        {
            Send = context.Send;
            return default;
        }

        public async ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
        {
            entered.Release();
            await go.WaitAsync(cancellation);
            onDiff(diff);
        }

        public ValueTask HandleInfoAsync(object message, CancellationToken cancellation)
        {
            lock (_gate)
            {
                Infos.Add(message);
                if (Infos.Count == _awaited)
                {
                    _reached?.TrySetResult();
                }
            }

            return default;
        }
    }
}
