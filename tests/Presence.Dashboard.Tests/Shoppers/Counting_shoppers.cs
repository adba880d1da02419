using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Presence.Dashboard.Tests.Shoppers;

public sealed class Counting_shoppers : IAsyncLifetime, IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Told _told = new();
    private LiveMember _member = null!;
    private ShopperStats _stats = null!;

    private IPresenceTracker Tracker => _member.Node.Tracker;

    public async Task InitializeAsync()
    {
        _member = await LiveMember.StartAsync();
        _stats = new ShopperStats(_member.Node, _told, _time, NullLogger<ShopperStats>.Instance);
    }

    public Task DisposeAsync() => _member.DisposeAsync().AsTask();

    public void Dispose() => _stats.Dispose();

    [Fact]
    public async Task Starts_with_those_who_are_there()
    {
        using var tab = await OpenAsync("a", "/", 1);
        await StartAsync();
        await ExpectAsync(1, 1, """{"/":1}""", """{"1":1}""");
    }

    [Fact]
    public async Task Counts_a_cart_once_and_each_of_its_pages()
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
    public async Task Follows_a_change_of_page_and_items()
    {
        await StartAsync();
        using var tab = await OpenAsync("a", "/", 1);
        await Tracker.UpdateAsync(tab, ShopperStats.Presences, "a", Meta("/products/1", [2, 3]));
        await ExpectAsync(1, 1, """{"/products/1":1}""", """{"2":1,"3":1}""");
    }

    [Fact]
    public async Task Believes_the_page_of_a_cart_that_spoke_last()
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
    public async Task Takes_any_metadata(string meta, string page, string items)
    {
        await StartAsync();
        using var tab = _member.Node.StartProcess();
        await Tracker.TrackAsync(tab, ShopperStats.Presences, "a", PresenceMeta.Parse(meta));
        var now = await NowAsync();
        Assert.Equal([page], now.Pages.Keys);
        Assert.Equal(items.Split(',', StringSplitOptions.RemoveEmptyEntries), now.Items.Keys.Order());
    }

    [Theory]
    [InlineData("admin:stats", 1 + 5)]
    [InlineData("admin:live", 1 + 11)]
    public async Task Tells_the_first_change_at_once_and_then_at_most_four_or_ten_times_a_second(string topic, int messages)
    {
        await StartAsync();
        (topic == _stats.Live.Topic ? _stats.Live : _stats.Calm).Watch();
        using var first = await OpenAsync("a", "/");
        _time.Advance(TimeSpan.Zero);
        Assert.Single(_told.Messages);
        for (var i = 0; i < 1000; i++)
        {
            using (await OpenAsync($"b{i}", "/"))
            {
                _time.Advance(TimeSpan.FromMilliseconds(1));
            }

            await Tracker.DeliveredAsync();
        }

        _time.Advance(_stats.Calm.Window);
        Assert.Equal(messages, _told.Messages.Count);
        Assert.All(_told.Topics, told => Assert.Equal(topic, told));
        Assert.Equal(1, _told.Messages[^1].GetProperty("shoppers").GetInt32());
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(messages, _told.Messages.Count);
    }

    [Fact]
    public async Task Tells_nothing_while_nobody_watches()
    {
        await StartAsync();
        _stats.Calm.Watch();
        _stats.Calm.Unwatch();
        using var tab = await OpenAsync("a", "/");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(_told.Messages);
    }

    [Fact]
    public async Task Remembers_ten_minutes()
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
    public async Task Names_the_largest_pages_and_sums_up_the_others()
    {
        await StartAsync();
        var tabs = new List<PresenceProcess>();
        for (var page = 0; page < StatsView.MaxNamed + 5; page++)
        {
            for (var i = 0; i <= page; i++)
            {
                tabs.Add(await OpenAsync($"{page}/{i}", $"/{page}"));
            }
        }

        var now = await NowAsync();
        Assert.Equal(StatsView.MaxNamed, now.Pages.Count);
        Assert.Equal($"/{StatsView.MaxNamed + 4}", now.Pages.First().Key);
        Assert.Equal(1 + 2 + 3 + 4 + 5, now.OtherPages);
        Assert.Equal(now.OpenPages, now.OtherPages + now.Pages.Values.Sum());
        tabs.ForEach(tab => tab.End());
    }

    [Fact]
    public void Costs_a_change_the_same_with_ten_and_with_a_hundred_thousand_shoppers()
    {
        // Counted in bytes, which are the same on every machine: a change that walked over the shoppers would allocate, or
        // read through, ten thousand times more.
        var few = CostOfChanges(10);
        var many = CostOfChanges(100_000);
        Assert.InRange(many.Bytes, 0, few.Bytes * 2);
        Assert.True(many.Time < few.Time * 100 + TimeSpan.FromSeconds(1), $"{few} with ten, {many} with a hundred thousand");
    }

    private static (long Bytes, TimeSpan Time) CostOfChanges(int shoppers)
    {
        var shard = new TrackerShard(new("n", 1), 0, new TrackerOptions(), new PresenceLimits(), 1);
        var effects = new ShardEffects();
        var tally = new ShopperTally();
        for (var i = 0; i < shoppers; i++)
        {
            tally.Put(shard.Track(TimeSpan.Zero, (ulong)i + 1, ShopperStats.Presences, $"key{i}", Meta("/", [1]), effects));
            effects.Clear();
        }

        var change = shard.Update(TimeSpan.Zero, 1, ShopperStats.Presences, "key0", _ => Meta("/b", [2]), effects);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < 10_000; i++)
        {
            tally.Put(change);
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before, Stopwatch.GetElapsedTime(begun));
    }

    private async Task<PresenceProcess> OpenAsync(string cart, string page, params int[] items)
    {
        var tab = _member.Node.StartProcess();
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

    private sealed class Told : IChannelBroadcaster
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
