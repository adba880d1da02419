using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Presence.Grains.Client;
using Presence.Tracker.Cursors;

namespace Presence.Grains.Tests.Client;

/// <summary>Subscriptions that come back with a cursor, to another silo than before.</summary>
[Trait("Category", "Orleans")]
public sealed class CursorTests : IAsyncLifetime
{
    private const int Presences = 1000;
    private const int Changes = 25;

    private readonly Answers _answers = new();
    private PresenceCluster _cluster = null!;
    private PresenceSession _session = null!;

    public async Task InitializeAsync()
    {
        _cluster = await PresenceCluster.StartAsync(
            3, configureClientHost: client => client.Services.AddSingleton<IOutgoingGrainCallFilter>(_answers));
        foreach (var silo in _cluster.Silos)
        {
            // A silo remembers changes from its first subscription on.
            await _cluster.ServiceOf<IPresenceClient>(silo).SubscribeAsync("other", _ => default);
        }
    }

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task Subscription_that_moves_to_another_silo_receives_only_what_it_missed()
    {
        var received = new Awaited<PresenceChange>();
        await using var subscription = await SubscribeAsync(received, SubscriptionKind.Observer);
        var former = _cluster.SiloAt(((TopicReader)subscription).Silo!);
        var owner = _cluster.Silos.First(s => s != former);
        await FillAsync(owner);
        await received.CountAsync(Presences);
        _answers.Sizes.Clear();

        var stopping = _cluster.Orleans.StopSiloAsync(former);
        await ChangeAsync(owner);
        await stopping;
        await received.CountAsync(Presences + (2 * Changes));
        await TestTimeouts.UntilAsync(
            "the subscription has moved", TimeSpan.FromSeconds(60), () => !_answers.Sizes.IsEmpty);

        Assert.Equal(Presences + (2 * Changes), received.All.Count);
        Assert.Equal(Keys(owner), subscription.Presences.Select(e => e.Key));
        Assert.All(_answers.Sizes, size => Assert.InRange(size, 1, 20_000));
    }

    [Fact]
    public async Task Stream_subscription_that_may_have_lost_an_event_receives_only_what_it_missed()
    {
        var received = new Awaited<PresenceChange>();
        await using var subscription = await SubscribeAsync(received, SubscriptionKind.Stream);
        await FillAsync(_cluster.Silos[0]);
        await received.CountAsync(Presences);
        _answers.Sizes.Clear();
        await TestTimeouts.UntilAsync("the subscription has read again", TimeSpan.FromSeconds(60), () =>
        {
            // Again, because the client may learn the position from the silo before the reader reacts.
            ((Presence.Grains.Client.StreamReader)subscription).OnPosition(null);
            return !_answers.Sizes.IsEmpty;
        });
        await ChangeAsync(_cluster.Silos[0]);
        await received.CountAsync(Presences + (2 * Changes));
        Assert.Equal(Keys(_cluster.Silos[0]), subscription.Presences.Select(e => e.Key));
        Assert.All(_answers.Sizes, size => Assert.InRange(size, 1, 20_000));
    }

    [Fact]
    public async Task Answers_have_the_missed_changes_where_they_are_known_and_else_the_list()
    {
        var owner = _cluster.Silos[0];
        var lobby = _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");
        await FillAsync(owner);
        var observer = _cluster.Orleans.Client.CreateObjectReference<IPresenceObserver>(new NoObserver());
        await lobby.Subscribe(observer);
        var before = _cluster.TrackerOf(owner).List("lobby");
        var cursor = TopicCursor.Of(TopicDigest.Of("lobby", before))!.Text;
        await ChangeAsync(owner);
        foreach (var silo in _cluster.Silos)
        {
            await _cluster.ListsAsync(silo, "lobby", Keys(owner));
        }

        // Subscribers are sent the changes in batches: until the last one, an answer has the list before it.
        PresenceSubscription all = null!;
        await TestTimeouts.UntilAsync("an answer has the changes", TimeSpan.FromSeconds(60), async () =>
        {
            _answers.Sizes.Clear();
            all = await lobby.Subscribe(observer);
            return Keys(owner).SequenceEqual(all.Snapshot.Presences.Select(e => e.Key));
        });
        var some = await lobby.Subscribe(observer, cursor: cursor);
        Assert.Equal((Presences, null), (all.Snapshot.Presences.Count, all.Snapshot.Missed));
        Assert.Empty(some.Snapshot.Presences);
        var after = new PresenceSet("lobby");
        after.Apply([.. PresenceChange.JoinedAll(before)]);
        after.Apply(some.Snapshot.Missed!);
        Assert.Equal(all.Snapshot.Presences.Select(e => e.Ref), after.Current.Select(e => e.Ref));
        var (list, missed) = (_answers.Sizes.First(), _answers.Sizes.Last());
        Assert.InRange(missed, 1, list / 10);
        Assert.Equal(Presences, (await lobby.GetSnapshot()).Changes.Count);
        var snapshot = await lobby.GetSnapshot(cursor);
        Assert.True(snapshot is { IsReset: true, SinceCursor: true });
        Assert.Equal(2 * Changes, snapshot.Changes.Count);

        foreach (var unknown in new[] { "", "!", "AAAA", TopicCursor.Of(TopicDigest.Of("other", before))!.Text })
        {
            Assert.Equal(Presences, (await lobby.Subscribe(observer, cursor: unknown)).Snapshot.Presences.Count);
        }
    }

    private async Task<ITopicSubscription> SubscribeAsync(Awaited<PresenceChange> received, SubscriptionKind kind) =>
        await _cluster.Client.SubscribeAsync(
            "lobby",
            changes =>
            {
                changes.ToList().ForEach(received.Add);
                return default;
            },
            kind);

    private string[] Keys(Orleans.TestingHost.InProcessSiloHandle owner) =>
        [.. _cluster.TrackerOf(owner).List("lobby").Select(e => e.Key)];

    private async Task FillAsync(Orleans.TestingHost.InProcessSiloHandle owner)
    {
        _session = _cluster.ServiceOf<IPresenceNode>(owner).OpenSession();
        var meta = PresenceMeta.From(new { status = "here", device = "a phone" });
        await _cluster.TrackerOf(owner).TrackManyAsync(
            _session, [.. Enumerable.Range(0, Presences).Select(i => new TrackRequest("lobby", $"k{i:D4}", meta))]);
    }

    private async Task ChangeAsync(Orleans.TestingHost.InProcessSiloHandle owner)
    {
        var tracker = _cluster.TrackerOf(owner);
        for (var i = 0; i < Changes; i++)
        {
            await tracker.UntrackAsync(_session, "lobby", $"k{i:D4}");
            await tracker.TrackAsync(_session, "lobby", $"new{i:D4}");
        }
    }

    private sealed class NoObserver : IPresenceObserver
    {
        public Task OnChanges(TopicChanges changes) => Task.CompletedTask;
    }

    /// <summary>Measures the answers to subscriptions and requests of snapshots.</summary>
    private sealed class Answers : IOutgoingGrainCallFilter
    {
        public ConcurrentQueue<int> Sizes { get; } = new();

        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            await context.Invoke();
            if (context.Result is PresenceSubscription { Snapshot.Topic: "lobby" } or TopicChanges { Topic: "lobby" })
            {
                var serializer = Services.Value.GetRequiredService<Serializer>();
                Sizes.Enqueue(serializer.SerializeToArray(context.Result).Length);
            }
        }

        private static Lazy<IServiceProvider> Services { get; } =
            new(() => new ServiceCollection().AddSerializer().BuildServiceProvider());
    }
}
