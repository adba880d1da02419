namespace Presence.Node.Tests.Handlers;

public sealed class Handlers_that_lag
{
    [Theory]
    [InlineData(4, 1024, 30)]
    [InlineData(16, 2, 100)]
    public async Task The_first_diff_holds_everybody_even_with_more_shards_than_places_in_the_queue(
        int shards, int places, int topics)
    {
        await using var cluster = await TestCluster.OfAsync(
            1, o => (o.Tracker.PoolSize, o.HandlerQueueCapacity) = (shards, places), new FakeTimeProvider());
        var requests = Enumerable.Range(0, topics).Select(i => new TrackRequest($"t{i}", "k")).ToArray();
        await cluster.Tracker(0).TrackManyAsync(cluster[0].StartProcess(), requests);
        var first = new TaskCompletionSource<int>();
        var onDiff = new OnDiff(diff => first.TrySetResult(diff.Topics.Count));
        await using var handler = await cluster.Tracker(0).AddHandlerAsync(onDiff);
        Assert.Equal(topics, await first.Task.WaitAsync(TestTimeout));
    }

    [Fact]
    public async Task Messages_that_keep_coming_do_not_keep_the_diffs_away()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.HandlerQueueCapacity = 2, new FakeTimeProvider());
        var (tracker, process) = cluster.First();
        var echo = new Echo(200_000);
        await using var handler = await tracker.AddHandlerAsync(echo);
        echo.Send!("go");
        for (var i = 0; i < 100; i++)
        {
            await tracker.TrackAsync(process, "t", $"k{i}");
        }

        Assert.True(await echo.Seen(100).WaitAsync(TestTimeout), "the handler saw all before its messages ran out");
    }

    [Fact]
    public async Task A_message_is_handled_after_the_diffs_that_came_before_it()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new FakeTimeProvider());
        var process = cluster[0].StartProcess();
        var order = new List<object>();
        var done = new TaskCompletionSource();
        var echo = new Echo(0, order.Add, () => done.TrySetResult());
        await using var handler = await cluster.Tracker(0).AddHandlerAsync(echo);
        await cluster.Tracker(0).TrackAsync(process, "t", "a");
        Assert.True(echo.Send!("between"));
        await cluster.Tracker(0).TrackAsync(process, "t", "b");
        Assert.True(echo.Send!("end"));
        await done.Task.WaitAsync(TestTimeout);
        Assert.Equal(["a", "between", "b", "end"], order);
    }

    [Fact]
    public async Task A_handler_may_end_itself_from_within()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new FakeTimeProvider());
        var process = cluster[0].StartProcess();
        var given = new TaskCompletionSource<IAsyncDisposable>();
        var ended = new TaskCompletionSource();
        var calls = 0;
        given.SetResult(await cluster.Tracker(0).AddHandlerAsync(new Awaits(async () =>
        {
            calls++;
            await (await given.Task).DisposeAsync();
            ended.SetResult();
        })));
        await cluster.Tracker(0).TrackAsync(process, "t", "a");
        await ended.Task.WaitAsync(TestTimeout);
        await cluster.Tracker(0).TrackAsync(process, "t", "b");
        // Waits for the last call, so the count is final.
        await (await given.Task).DisposeAsync();
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Who_ended_a_handler_hears_nothing_more_of_it()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new FakeTimeProvider());
        var calls = 0;
        var handler = await cluster.Tracker(0).AddHandlerAsync(new OnDiff(_ => Interlocked.Increment(ref calls)));
        await handler.DisposeAsync();
        await handler.DisposeAsync();
        await cluster.Tracker(0).TrackAsync(cluster[0].StartProcess(), "t", "a");
        Assert.Equal(0, calls);
    }

    private sealed class Awaits(Func<Task> onDiff) : IPresenceHandler
    {
        public async ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation) => await onDiff();
    }

    /// <summary>Answers each of its messages by another one to itself.</summary>
    private sealed class Echo(int most, Action<object>? note = null, Action? onEnd = null) : IPresenceHandler
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
                note?.Invoke(change.Entry.Key);
            }

            return default;
        }

        public ValueTask HandleInfoAsync(object message, CancellationToken cancellation)
        {
            note?.Invoke(message);
            if (Equals(message, "end"))
            {
                onEnd?.Invoke();
            }
            else if (Volatile.Read(ref _awaited) is > 0 and var awaited && _joins >= awaited)
            {
                _seen.TrySetResult(true);
            }
            else if (++_echoes <= most)
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
