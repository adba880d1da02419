using System.Runtime.CompilerServices;
using Presence.Crdt;
using Presence.Grains.Client;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>The loop of a subscription, with a source of events in this process.</summary>
[Trait("Category", "Orleans")]
public sealed class TopicReaderTests : IAsyncLifetime
{
    private const int Capacity = 4;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private PresenceCluster _cluster = null!;

    private PresenceClient Client => (PresenceClient)_cluster.Client;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        1, configureClient: o => o.SubscriptionQueueCapacity = Capacity);

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Queue_that_overflowed_has_room_for_what_comes_while_the_list_is_read()
    {
        var (entered, released) = (new TaskCompletionSource(), new TaskCompletionSource());
        var source = new Source(Client, async changes =>
        {
            if (changes.Any(change => change.Entry.Key == "k1"))
            {
                entered.SetResult();
                await released.Task;
            }
        });
        await source.BeginAsync(default);
        source.PostNext();
        await entered.Task.WaitAsync(Generous);
        for (var i = 0; i < 3 * Capacity; i++)
        {
            source.PostNext();
        }

        source.PostsWhileOpening = Capacity - 1;
        released.SetResult();
        await source.UntilShownAsync();
        Assert.Equal(2, source.Opened);
        await source.DisposeAsync();
    }

    [Fact]
    public async Task Check_that_is_due_is_done_although_the_queue_is_full()
    {
        var (entered, released) = (new TaskCompletionSource(), new TaskCompletionSource());
        var source = new Source(Client, async _ =>
        {
            if (entered.TrySetResult())
            {
                await released.Task;
            }
        });
        await source.BeginAsync(default);
        source.PostNext();
        await entered.Task.WaitAsync(Generous);
        for (var i = 0; i < Capacity; i++)
        {
            source.PostNext();
        }

        source.CheckSoon();
        released.SetResult();
        await source.Checked.Task.WaitAsync(Generous);
        await source.DisposeAsync();
    }

    [Fact]
    public async Task Handlers_may_dispose_the_subscriptions_of_each_other_inside_their_calls()
    {
        var sources = new Source[2];
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        var disposed = new Awaited<int>();
        sources[0] = new Source(Client, _ => DisposeOtherAsync(first, second, 1));
        sources[1] = new Source(Client, _ => DisposeOtherAsync(second, first, 0));
        await Task.WhenAll(sources.Select(source => source.BeginAsync(default)));
        foreach (var source in sources)
        {
            source.PostNext();
        }

        await disposed.CountAsync(2);
        await Task.WhenAll(sources.Select(source => source.DisposeAsync().AsTask())).WaitAsync(Generous);
        Assert.All(sources, source => Assert.Equal(SubscriptionState.Ended, source.State));
        Assert.All(sources, source => Assert.Equal(1, source.Handled));

        async ValueTask DisposeOtherAsync(TaskCompletionSource here, TaskCompletionSource there, int other)
        {
            here.SetResult();
            await there.Task;
            await sources[other].DisposeAsync();
            disposed.Add(other);
        }
    }

    [Fact]
    public async Task Disposal_by_a_task_that_a_handler_started_waits_for_later_calls()
    {
        var (go, entered, released) =
            (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        Task disposing = Task.CompletedTask;
        Source source = null!;
        source = new Source(Client, async changes =>
        {
            if (changes[0].Entry.Key == "k1")
            {
                disposing = DisposeAsync();
                return;
            }

            entered.SetResult();
            await released.Task;
        });
        await source.BeginAsync(default);
        source.PostNext();
        source.PostNext();
        await entered.Task.WaitAsync(Generous);
        go.SetResult();
        await TestTimeouts.UntilAsync("it ends", Generous, () => source.State == SubscriptionState.Ended);
        Assert.False(disposing.IsCompleted);
        released.SetResult();
        await disposing.WaitAsync(Generous);

        async Task DisposeAsync()
        {
            await go.Task;
            await source.DisposeAsync();
        }
    }

    /// <summary>A source whose events are posted by the test: event n is the join of key kn.</summary>
    private sealed class Source : TopicReader
    {
        private static readonly ReplicaId Owner = new("node", 1);

        private readonly StrongBox<int> _handled;
        private int _posted;

        public Source(PresenceClient client, Func<IReadOnlyList<PresenceChange>, ValueTask> handler)
            : this(client, handler, new StrongBox<int>())
        {
        }

        private Source(
            PresenceClient client,
            Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
            StrongBox<int> handled)
            : base(client, "lobby", changes =>
            {
                handled.Value++;
                return handler(changes);
            }) =>
            _handled = handled;

        public override string? Silo => null;

        public int Handled => _handled.Value;

        public int Opened { get; private set; }

        public int PostsWhileOpening { get; set; }

        public TaskCompletionSource Checked { get; } = new();

        public override void OnSiloLost(string silo)
        {
        }

        public void PostNext()
        {
            var number = ++_posted;
            Post(new TopicChanges(Topic, "node", number, false, [Join(number)], "silo", 1, null));
        }

        public void CheckSoon() => Recheck();

        public Task<TimeSpan> UntilShownAsync() => TestTimeouts.UntilAsync(
            "everything that was posted is shown", Generous, () => Presences.KeyCount == Volatile.Read(ref _posted));

        protected override Task<TopicChanges> OpenAsync(CancellationToken cancellation)
        {
            Opened++;
            var list = Enumerable.Range(1, _posted).Select(Join).ToList();
            var changes = new TopicChanges(Topic, "node", _posted, true, list, "silo", 1, null);
            for (var i = 0; i < PostsWhileOpening; i++)
            {
                PostNext();
            }

            return Task.FromResult(changes);
        }

        protected override Task<bool> CheckAsync(CancellationToken cancellation)
        {
            Checked.TrySetResult();
            return Task.FromResult(true);
        }

        protected override Task CloseAsync() => Task.CompletedTask;

        private static PresenceChange Join(int number) => PresenceChange.Joined(new PresenceEntry(
            Owner, (ulong)number, (ulong)number, 0, 1, "lobby", $"k{number}", PresenceMeta.Empty));
    }
}
