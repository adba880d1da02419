using Presence.Grains.Topics;

namespace Presence.Grains.Tests.Client;

/// <summary>Topics whose list does not fit in one message.</summary>
[Trait("Category", "Orleans")]
public abstract class LargeTopicTests(int presences)
{
    [Theory]
    [InlineData(SubscriptionKind.Observer)]
    [InlineData(SubscriptionKind.Stream)]
    public async Task Topic_is_listed_paged_and_subscribed_to_while_it_changes(SubscriptionKind kind)
    {
        await using var cluster = await PresenceCluster.StartAsync(1);
        var tracker = cluster.TrackerOf(cluster.Silos[0]);
        var node = cluster.ServiceOf<IPresenceNode>(cluster.Silos[0]);
        await FillAsync(cluster, presences);
        using var changing = node.OpenSession();
        var received = new PresenceSet("big");
        var changed = new Awaited<int>();
        await using var subscription = await cluster.Client.SubscribeAsync(
            "big",
            async changes =>
            {
                received.Apply(changes);
                if (changed.All.Count == 0)
                {
                    // A change between the snapshot and the next events.
                    await tracker.TrackAsync(changing, "big", "last");
                }

                changed.Add(changes.Count);
            },
            kind);
        await changed.UntilAsync(_ => received.Current.Count == presences + 1, "all have joined");
        Assert.Equal(presences + 1, received.Current.KeyCount);

        var listed = 0;
        await foreach (var presence in cluster.Client.ListAsync("big"))
        {
            listed += presence.Topic == "big" ? 1 : 0;
        }

        Assert.Equal((presences + 1, presences + 1), (listed, await cluster.Client.CountAsync("big")));
        Assert.Equal(["big"], await cluster.Client.TopicsOfAsync("last"));
        var page = await cluster.Client.PageAsync("big", "k0000009", 2);
        Assert.Equal(["k0000010", "k0000011"], page.Presences.Select(p => p.Key));
        Assert.Single(await cluster.Client.GetByKeyAsync("big", "k0000010"));
        Assert.Equal(presences + 1, await cluster.Client.KeyCountAsync("big"));
        Assert.Equal(presences + 1, subscription.Presences.Count);
    }

    private protected static async Task FillAsync(PresenceCluster cluster, int presences)
    {
        var silo = cluster.Silos[0];
        foreach (var part in Enumerable.Range(0, presences).Chunk(5000))
        {
            await cluster.TrackerOf(silo).TrackManyAsync(
                cluster.ServiceOf<IPresenceNode>(silo).OpenSession(),
                [.. part.Select(i => new TrackRequest("big", $"k{i:D7}"))]);
        }
    }
}

/// <summary>A few pages.</summary>
public sealed class LargeTopicOfThousandsTests() : LargeTopicTests(12_345);

/// <summary>A million presences.</summary>
[Trait("Category", "Soak")]
[Collection(nameof(LargeTopicOfAMillionTests))]
public sealed class LargeTopicOfAMillionTests() : LargeTopicTests(Presences)
{
    private const int Presences = 1_000_000;

    /// <summary>Lists that are read at the same time.</summary>
    private const int Lists = 8;

    [Fact]
    public async Task Lists_that_are_read_while_the_topic_changes_cost_the_silo_less_than_a_quarter_of_the_topic()
    {
        await using var cluster = await PresenceCluster.StartAsync(1);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await FillAsync(cluster, Presences);
        var tracked = GC.GetTotalMemory(forceFullCollection: true);

        // Calls of grains, because a client would keep the presences: what it reads here is garbage at once.
        var grain = cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("big");
        var observer = new Observer();
        var reference = cluster.Orleans.Client.CreateObjectReference<IPresenceObserver>(observer);
        var lists = new List<string>();
        var silo = "";
        for (var i = 0; i < Lists; i++)
        {
            var subscription = await grain.Subscribe(reference, $"list {i}");
            lists.Add(subscription.Snapshot.Rest!);
            silo = subscription.Silo;
        }

        var pages = cluster.Orleans.Client.GetGrain<IPresenceSiloGrain>(silo);
        using var changing = cluster.ServiceOf<IPresenceNode>(cluster.Silos[0]).OpenSession();
        string? after = null;
        long most = 0;
        for (var page = 1; page < Presences / PagedLists.PageSize; page++)
        {
            foreach (var list in lists)
            {
                Assert.NotNull(await pages.GetPage(list, page));
            }

            after = (await grain.Page(after, PagedLists.PageSize)).Next;
            await cluster.TrackerOf(cluster.Silos[0]).TrackAsync(changing, "big", $"new {page}");
            if (page % 20 == 1)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true));
            }
        }

        Assert.NotNull(after);
        Assert.True(
            most - tracked < (tracked - before) / 4,
            $"The topic has {tracked - before:N0} bytes; while it was read, {most - tracked:N0} were added.");
        GC.KeepAlive(observer);
    }

    /// <summary>Runs apart from the other tests, because the memory of the process is measured.</summary>
    [CollectionDefinition(nameof(LargeTopicOfAMillionTests), DisableParallelization = true)]
    public sealed class Alone;
}

/// <summary>See <see cref="Presence.Grains.Topics.PagedLists"/>.</summary>
public sealed class PagedListsTests
{
    private const int Page = PagedLists.PageSize;
    private readonly TestTime _time = new();

    [Fact]
    public void Pages_are_of_the_moment_of_the_first_one_and_can_be_requested_again()
    {
        var lists = new PagedLists(_time);
        var set = new PresenceSet("big");
        set.Apply(Joins(0, (2 * Page) + 10));
        var (first, id) = lists.Begin(set.Current);
        set.Apply(Joins((2 * Page) + 10, 3 * Page));
        Assert.Equal(Page, first.Length);
        Assert.Null(lists.Page(id!, 2));
        var second = lists.Page(id!, 1)!.Value;
        Assert.Equal((Page, true), (second.Page.Length, second.HasNext));
        Assert.Equal(second.Page, lists.Page(id!, 1)!.Value.Page);
        var last = lists.Page(id!, 2)!.Value;
        Assert.Equal((10, false), (last.Page.Length, last.HasNext));
        Assert.Equal(set.Current.Take((2 * Page) + 10), [.. first, .. second.Page, .. last.Page]);
        Assert.Null(lists.Page(id!, 3));
        Assert.Null(lists.Page("other", 1));
    }

    [Fact]
    public void List_expires_and_makes_room_for_others()
    {
        var lists = new PagedLists(_time);
        var set = new PresenceSet("big");
        set.Apply(Joins(0, Page + 1));
        var (_, oldest) = lists.Begin(set.Current);
        for (var i = 0; i < PagedLists.MaxLists; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            lists.Begin(set.Current);
        }

        Assert.Equal(PagedLists.MaxLists, lists.Count);
        Assert.Null(lists.Page(oldest!, 1));
        var (_, id) = lists.Begin(set.Current);
        _time.Advance(PagedLists.Expiry + TimeSpan.FromSeconds(1));
        Assert.Null(lists.Page(id!, 1));
        lists.Begin(set.Current);
        Assert.Equal(1, lists.Count);
    }

    [Fact]
    public void Small_list_and_one_whose_rest_is_filtered_have_one_page()
    {
        var lists = new PagedLists(_time);
        var set = new PresenceSet("big");
        set.Apply(Joins(0, Page + 1));
        var (first, id) = lists.Begin(set.Current, e => e.Key != "k0000000");
        Assert.Equal((Page, null, 0), (first.Length, id, lists.Count));
    }

    private static List<PresenceChange> Joins(int from, int to) =>
    [
        .. Enumerable.Range(from, to - from).Select(i => PresenceChange.Joined(new PresenceEntry(
            new ReplicaId("node", 1), (ulong)i + 1, (ulong)i + 1, 0, 1, "big", $"k{i:D7}", default))),
    ];
}
