using Presence.Node.Handlers;
using Presence.Node.Hosting;

namespace Presence.Node.Tests.Handlers;

public sealed class LaggingHandlerTests
{
    [Theory]
    [InlineData(4, 1024, 30)]
    [InlineData(16, 2, 100)]
    public async Task First_diff_joins_all_presences_even_with_more_shards_than_queue_capacity(
        int shards, int capacity, int topics)
    {
        await using var cluster = await TestCluster.OfAsync(
            1, o => (o.Tracker.PoolSize, o.HandlerQueueCapacity) = (shards, capacity), new TestTime());
        var requests = Enumerable.Range(0, topics).Select(i => new TrackRequest($"t{i}", "k")).ToArray();
        await cluster.Tracker(0).TrackManyAsync(cluster[0].OpenSession(), requests);
        var first = new TaskCompletionSource<int>();
        var onDiff = new OnDiff(diff => first.TrySetResult(diff.Topics.Count));
        await using var handler = await cluster.Tracker(0).AddHandlerAsync(onDiff);
        Assert.Equal(topics, await first.Task.WaitAsync(TestTimeout));
    }

    [Fact]
    public async Task Continuous_messages_do_not_starve_diffs()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.HandlerQueueCapacity = 2, new TestTime());
        var (tracker, session) = cluster.First();
        var echo = new Echo(200_000);
        await using var handler = await tracker.AddHandlerAsync(echo);
        echo.Send!("go");
        for (var i = 0; i < 100; i++)
        {
            await tracker.TrackAsync(session, "t", $"k{i}");
        }

        Assert.True(
            await echo.Seen(100).WaitAsync(TestTimeout), "The handler received all diffs before its messages ended.");
    }

    [Fact]
    public async Task Message_is_handled_after_the_diffs_before_it()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var session = cluster[0].OpenSession();
        var order = new List<object>();
        var done = new TaskCompletionSource();
        var echo = new Echo(0, order.Add, () => done.TrySetResult());
        await using var handler = await cluster.Tracker(0).AddHandlerAsync(echo);
        await cluster.Tracker(0).TrackAsync(session, "t", "a");
        Assert.True(echo.Send!("between"));
        await cluster.Tracker(0).TrackAsync(session, "t", "b");
        Assert.True(echo.Send!("end"));
        await done.Task.WaitAsync(TestTimeout);
        Assert.Equal(["a", "between", "b", "end"], order);
    }

    [Fact]
    public async Task Handler_may_dispose_itself_inside_its_call()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var session = cluster[0].OpenSession();
        var given = new TaskCompletionSource<IAsyncDisposable>();
        var ended = new TaskCompletionSource();
        var calls = 0;
        given.SetResult(await cluster.Tracker(0).AddHandlerAsync(new Awaits(async () =>
        {
            calls++;
            await (await given.Task).DisposeAsync();
            ended.SetResult();
        })));
        await cluster.Tracker(0).TrackAsync(session, "t", "a");
        await ended.Task.WaitAsync(TestTimeout);
        await cluster.Tracker(0).TrackAsync(session, "t", "b");
        // Waits for the last call, so that the count is final.
        await (await given.Task).DisposeAsync();
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Disposed_handler_receives_nothing()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new TestTime());
        var calls = 0;
        var handler = await cluster.Tracker(0).AddHandlerAsync(new OnDiff(_ => Interlocked.Increment(ref calls)));
        await handler.DisposeAsync();
        await handler.DisposeAsync();
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "t", "a");
        Assert.Equal(0, calls);
    }

    [Fact]
    public async Task Handler_disposed_before_its_first_diff_receives_nothing()
    {
        var calls = 0;
        using var instruments = new NodeInstruments(() => [], () => [], () => 0, () => [], () => 0);
        var handler = new OnDiff(_ => Interlocked.Increment(ref calls));
        var dispatcher = new HandlerDispatcher(handler, "presence", 10, instruments, new FakeLogger());
        dispatcher.Post([PresenceChange.Joined(new PresenceEntry(new("a", 1), 1, 1, 0, 1, "t", "k", default))]);
        // As inside a callback, where the disposal does not wait: the pool may start the handler later.
        await dispatcher.DisposeAsync();
        dispatcher.Start();
        await dispatcher.DisposeAsync();
        Assert.Equal(0, calls);
    }

    private sealed class Awaits(Func<Task> onDiff) : IPresenceHandler
    {
        public async ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation) => await onDiff();
    }

    /// <summary>Sends itself a new message for each message.</summary>
    private sealed class Echo(int max, Action<object>? record = null, Action? onEnd = null) : IPresenceHandler
    {
        private readonly TaskCompletionSource<bool> _seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _joins;
        private int _echoes;
        private int _awaited;

        public Func<object, bool>? Send { get; private set; }

        public Task<bool> Seen(int joins)
        {
            Volatile.Write(ref _awaited, joins);
            return _seen.Task;
        }

        public ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation)
        {
            Send = context.Send;
            return default;
        }

        public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
        {
            foreach (var change in diff.Topics.SelectMany(t => t.Changes))
            {
                _joins++;
                record?.Invoke(change.Entry.Key);
            }

            return default;
        }

        public ValueTask HandleInfoAsync(object message, CancellationToken cancellation)
        {
            record?.Invoke(message);
            if (Equals(message, "end"))
            {
                onEnd?.Invoke();
            }
            else if (Volatile.Read(ref _awaited) is > 0 and var awaited && _joins >= awaited)
            {
                _seen.TrySetResult(true);
            }
            else if (++_echoes <= max)
            {
                Send!(message);
            }
            else
            {
                _seen.TrySetResult(false);
            }

            return default;
        }
    }
}
