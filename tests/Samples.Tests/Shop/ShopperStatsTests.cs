using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Presence.Harness.Fakes;
using Presence.Node;
using Presence.Samples.Shop;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.Samples.Tests.Shop;

public sealed class ShopperStatsTests : IAsyncLifetime, IDisposable
{
    private readonly TestTime _time = new();
    private readonly RecordingBroadcaster _broadcaster = new();
    private IHost _host = null!;
    private ShopperStats _stats = null!;

    private IPresenceNode Node => _host.Services.GetRequiredService<IPresenceNode>();

    private IPresenceTracker Tracker => Node.Tracker;

    public async Task InitializeAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddPresence();
        _host = builder.Build();
        await _host.StartAsync();
        _stats = new ShopperStats(Node, _broadcaster, _time, NullLogger<ShopperStats>.Instance);
    }

    public async Task DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }

    public void Dispose() => _stats.Dispose();

    [Fact]
    public async Task Start_counts_the_presences_of_the_topic()
    {
        using var tab = await OpenAsync("a", "/", 1);
        await StartAsync();
        await ExpectAsync(1, 1, """{"/":1}""", """{"1":1}""");
    }

    [Fact]
    public async Task Cart_is_counted_once_and_each_of_its_pages()
    {
        await StartAsync();
        using var first = await OpenAsync("a", "/", 1, 2);
        using var second = await OpenAsync("a", "/checkout", 1, 2);
        using var other = await OpenAsync("b", "/", 2);
        await ExpectAsync(2, 3, """{"/":2,"/checkout":1}""", """{"2":2,"1":1}""");
        first.End();
        await ExpectAsync(2, 2, """{"/":1,"/checkout":1}""", """{"2":2,"1":1}""");
        second.End();
        await ExpectAsync(1, 1, """{"/":1}""", """{"2":1}""");
    }

    [Fact]
    public async Task Update_changes_the_counts_of_page_and_items()
    {
        await StartAsync();
        using var tab = await OpenAsync("a", "/", 1);
        await Tracker.UpdateAsync(tab, ShopperStats.Presences, "a", Meta("/products/1", [2, 3]));
        await ExpectAsync(1, 1, """{"/products/1":1}""", """{"2":1,"3":1}""");
    }

    [Fact]
    public async Task Items_of_the_page_that_was_updated_last_count()
    {
        await StartAsync();
        using var first = await OpenAsync("a", "/", 1);
        using var second = await OpenAsync("a", "/", 1);
        await ExpectAsync(1, 2, """{"/":2}""", """{"1":1}""");
        await Tracker.UpdateAsync(first, ShopperStats.Presences, "a", Meta("/", [1, 2]));
        Assert.Equal(["1", "2"], (await NowAsync()).Items.Keys);
        second.End();
        Assert.Equal(["1", "2"], (await NowAsync()).Items.Keys);
    }

    [Theory]
    [InlineData("""{}""", "", "")]
    [InlineData("""{"page":7,"items":"x"}""", "", "")]
    [InlineData("""{"items":[1,"1",{"a":[1]},null,"b"],"page":"/p"}""", "/p", "1,b")]
    [InlineData("""{"page":null,"items":[]}""", "", "")]
    public async Task Metadata_of_other_types_is_ignored(string meta, string page, string items)
    {
        await StartAsync();
        using var tab = Node.OpenSession();
        await Tracker.TrackAsync(tab, ShopperStats.Presences, "a", PresenceMeta.Parse(meta));
        var now = await NowAsync();
        Assert.Equal([page], now.Pages.Keys);
        Assert.Equal(items.Split(',', StringSplitOptions.RemoveEmptyEntries), now.Items.Keys.Order());
    }

    [Theory]
    [InlineData("admin:stats", 1 + 5)]
    [InlineData("admin:live", 1 + 11)]
    public async Task First_change_is_published_at_once_and_later_ones_four_or_ten_times_a_second(
        string topic, int messages)
    {
        await StartAsync();
        (topic == _stats.Live.Topic ? _stats.Live : _stats.Stats).AddSubscriber();
        using var first = await OpenAsync("a", "/");
        _time.Advance(TimeSpan.Zero);
        Assert.Single(_broadcaster.Messages);
        for (var i = 0; i < 1000; i++)
        {
            using (await OpenAsync($"b{i}", "/"))
            {
                _time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await Tracker.DeliveredAsync();
        }

        _time.Advance(_stats.Stats.Interval);
        Assert.Equal(messages, _broadcaster.Messages.Count);
        Assert.All(_broadcaster.Topics, published => Assert.Equal(topic, published));
        Assert.Equal(1, _broadcaster.Messages[^1].GetProperty("shoppers").GetInt32());
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(messages, _broadcaster.Messages.Count);
    }

    [Fact]
    public async Task Nothing_is_published_without_subscribers()
    {
        await StartAsync();
        _stats.Stats.AddSubscriber();
        _stats.Stats.RemoveSubscriber();
        using var tab = await OpenAsync("a", "/");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(_broadcaster.Messages);
    }

    [Fact]
    public async Task History_holds_ten_minutes()
    {
        await StartAsync();
        using var tab = await OpenAsync("a", "/", 1);
        _time.Advance(ShopperStats.Step);
        tab.End();
        await Tracker.DeliveredAsync();
        _time.Advance(ShopperStats.Step);
        Assert.Equal([1, 0], _stats.History().Shoppers);
        using var late = await OpenAsync("b", "/late");
        _time.Advance(TimeSpan.FromMinutes(30));
        var history = _stats.History();
        Assert.Equal(ShopperStats.Samples, history.Shoppers.Count);
        Assert.All(history.OpenPages, count => Assert.Equal(1, count));
        Assert.Equal(ShopperStats.Samples, Assert.Single(history.Pages).Value.Length);
    }

    [Fact]
    public async Task History_keeps_pages_that_were_left_and_has_no_number_for_pages_without_a_name()
    {
        await StartAsync();
        var crowd = new List<PresenceSession>();
        for (var i = 0; i < 100; i++)
        {
            crowd.Add(await OpenAsync($"crowd{i}", "/sale"));
        }

        for (var i = 0; i < StatsView.MaxNamed; i++)
        {
            crowd.Add(await OpenAsync($"a{i}", $"/page{i:00}"));
        }

        // One path was not named then: its number is unknown.
        _time.Advance(ShopperStats.Step);
        crowd.ForEach(tab => tab.End());
        await Tracker.DeliveredAsync();
        for (var i = 0; i < StatsHistory.MaxLines; i++)
        {
            using var late = await OpenAsync($"late{i}", "/page59");
            _time.Advance(ShopperStats.Step);
        }

        var pages = _stats.History().Pages;
        Assert.Equal([100, 0, 0], pages["/sale"].Take(3));
        Assert.InRange(pages.Count, 2, StatsHistory.MaxLines);
        Assert.DoesNotContain(0, pages.Where(page => page.Key == "/page59").Select(page => page.Value[0]));
    }

    [Fact]
    public async Task Most_frequent_pages_are_named_and_the_others_summed()
    {
        await StartAsync();
        var tabs = new List<PresenceSession>();
        for (var page = 0; page < StatsView.MaxNamed + 5; page++)
        {
            for (var i = 0; i <= page; i++)
            {
                tabs.Add(await OpenAsync($"{page}/{i}", $"/{page}"));
            }
        }

        var now = await NowAsync();
        Assert.Equal(StatsView.MaxNamed, now.Pages.Count);
        Assert.Equal(StatsView.MaxNamed + 5, now.DifferentPages);
        Assert.Equal($"/{StatsView.MaxNamed + 4}", now.Pages.First().Key);
        Assert.Equal(1 + 2 + 3 + 4 + 5, now.OtherPages);
        Assert.Equal(now.OpenPages, now.OtherPages + now.Pages.Values.Sum());
        tabs.ForEach(tab => tab.End());
    }

    [Fact]
    public void Change_costs_the_same_with_ten_and_with_a_hundred_thousand_shoppers()
    {
        // Allocated bytes are the same on every machine. A change that read all shoppers would take ten thousand times
        // as long.
        var few = CostOfChanges(10);
        var many = CostOfChanges(100_000);
        Assert.InRange(many.Bytes, 0, few.Bytes * 2);
        Assert.True(
            many.Time < few.Time * 100 + TimeSpan.FromSeconds(1), $"{few} with ten, {many} with a hundred thousand");
    }

    private static (long Bytes, TimeSpan Time) CostOfChanges(int shoppers)
    {
        var shard = new TrackerShard(new("n", 1), 0, new TrackerOptions(), new PresenceLimits(), 1);
        var effects = new ShardEffects();
        var counter = new ShopperCounter();
        for (var i = 0; i < shoppers; i++)
        {
            counter.Put(
                shard.Track(TimeSpan.Zero, (ulong)i + 1, ShopperStats.Presences, $"key{i}", Meta("/", [1]), effects));
            effects.Clear();
        }

        var change = shard.Update(TimeSpan.Zero, 1, ShopperStats.Presences, "key0", _ => Meta("/b", [2]), effects);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < 10_000; i++)
        {
            counter.Put(change);
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before, Stopwatch.GetElapsedTime(begun));
    }

    private async Task<PresenceSession> OpenAsync(string cart, string page, params int[] items)
    {
        var tab = Node.OpenSession();
        await Tracker.TrackAsync(tab, ShopperStats.Presences, cart, Meta(page, items));
        await Tracker.DeliveredAsync();
        return tab;
    }

    private async Task<StatsView> NowAsync()
    {
        await Tracker.DeliveredAsync();
        return _stats.Now();
    }

    private Task StartAsync() => _stats.StartAsync(CancellationToken.None);

    private async Task ExpectAsync(int shoppers, int openPages, string pages, string items)
    {
        var now = await NowAsync();
        Assert.Equal((shoppers, openPages), (now.Shoppers, now.OpenPages));
        Assert.Equal(pages, JsonSerializer.Serialize(now.Pages));
        Assert.Equal(items, JsonSerializer.Serialize(now.Items));
    }

    private static PresenceMeta Meta(string page, int[] items) => PresenceMeta.From(new { page, items });

    private sealed class RecordingBroadcaster : IChannelBroadcaster
    {
        public List<JsonElement> Messages { get; } = [];

        public List<string> Topics { get; } = [];

        public void BroadcastLocal(string topic, string name, ChannelPayload payload = default)
        {
            Messages.Add(payload.ToElement());
            Topics.Add(topic);
        }

        public void Broadcast(string topic, string name, ChannelPayload payload = default) =>
            throw new NotSupportedException();

        public void Disconnect(string socketId) => throw new NotSupportedException();
    }
}
