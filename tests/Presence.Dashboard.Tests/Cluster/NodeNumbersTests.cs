using System.Diagnostics.Metrics;
using System.Reflection;
using Presence.Dashboard.Cluster;

namespace Presence.Dashboard.Tests.Cluster;

public sealed class NodeNumbersTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Numbers_count_what_the_node_shows()
    {
        await using var node = await LiveNode.StartAsync();
        var numbers = node.Services.GetRequiredService<NodeNumbers>();
        numbers.Sample(0, 0);
        using var session = node.Node.OpenSession();
        var tracker = node.Node.Tracker;
        await tracker.TrackAsync(session, "room:a", "ann");
        await tracker.TrackAsync(session, "room:a", "bob");
        await tracker.UpdateAsync(session, "room:a", "bob", PresenceMeta.Parse("""{"n":1}"""));
        await tracker.UntrackAsync(session, "room:a", "ann");
        await using var socket = await node.AdminAsync();

        // The server counts a connection after the client has its answer.
        await TestTimeouts.UntilAsync("the connection is counted", TimeSpan.FromSeconds(30), () =>
        {
            numbers.Sample(1, 0);
            return numbers.Now.Sockets == 1;
        });
        var now = numbers.Now;
        Assert.True(now.Joins > 0, $"{now}");
        Assert.Equal(2, now.Joins / now.Leaves, 3);
        Assert.Equal(1, now.Updates / now.Leaves, 3);
        Assert.InRange(now.MemoryBytes, 1, long.MaxValue);
        Assert.InRange(now.StartedAt, 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    [Fact]
    public async Task Numbers_have_the_start_and_memory_of_the_process_before_the_first_sample()
    {
        // The clock of this host stands still, so no sample is taken.
        await using var host = (await AdminHost.StartAsync()).SignIn();
        var cluster = await host.Http.GetFromJsonAsync<JsonElement>("/api/cluster");
        var numbers = cluster.GetProperty("numbers");
        Assert.InRange(
            numbers.GetProperty("started_at").GetInt64(),
            DateTimeOffset.UtcNow.AddDays(-1).ToUnixTimeMilliseconds(),
            DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        Assert.InRange(numbers.GetProperty("memory_bytes").GetInt64(), 1, long.MaxValue);
    }

    [Fact]
    public async Task Numbers_of_another_node_of_the_process_are_not_counted()
    {
        await using var node = await LiveNode.StartAsync();
        await using var other = await LiveNode.StartAsync(name: "stranger");
        var numbers = node.Services.GetRequiredService<NodeNumbers>();
        numbers.Sample(0, 0);
        using var session = other.Node.OpenSession();
        await other.Node.Tracker.TrackAsync(session, "room:a", "ann");
        numbers.Sample(0, 0);
        Assert.Equal(0, numbers.Now.Joins);
    }

    [Fact]
    public void Percentiles_are_taken_of_more_durations_than_an_int_counts()
    {
        var durations = new RecentDurations();
        Assert.Equal(default, durations.Percentiles());
        durations.Add(2);
        Assert.Equal(new Percentiles(2000, 2000), durations.Percentiles());
        typeof(RecentDurations).GetField("_count", BindingFlags.NonPublic | BindingFlags.Instance)!
            .SetValue(durations, (long)int.MaxValue);
        for (var i = 0; i < RecentDurations.Capacity; i++)
        {
            durations.Add(0.5);
        }

        Assert.Equal(new Percentiles(500, 500), durations.Percentiles());
    }

    [Fact]
    public async Task Percentiles_of_merges_messages_and_frames_are_kept_apart()
    {
        await using var node = await LiveNode.StartAsync();
        var meters = node.Services.GetRequiredService<IMeterFactory>();
        using var numbers = new NodeNumbers(node.Node, meters, TimeProvider.System);
        using var meter = meters.Create("durations");
        Record("presence.merge.duration", 0.001, 0.002, 0.003);
        Record("presence.channel.message.duration", 0.01, 0.02, 0.03);
        Record("presence.send.duration", 0.1, 0.2, 0.3);
        numbers.Sample(0, 0);
        var now = numbers.Now;
        Assert.Equal(
            [2, 3, 20, 30, 200, 300],
            [
                now.MergeP50Ms, now.MergeP99Ms, now.HandlingP50Ms, now.HandlingP99Ms, now.SendingP50Ms,
                now.SendingP99Ms,
            ]);

        void Record(string name, params double[] seconds)
        {
            var histogram = meter.CreateHistogram<double>(name);
            foreach (var duration in seconds)
            {
                histogram.Record(duration);
            }
        }
    }

    [Fact]
    public async Task Frames_to_a_client_show_how_long_they_waited()
    {
        await using var node = await LiveNode.StartAsync();
        var numbers = node.Services.GetRequiredService<NodeNumbers>();
        await using var socket = await node.AdminAsync();
        await socket.Channel("admin:cluster").JoinAsync();
        await TestTimeouts.UntilAsync("a frame is sent", TimeSpan.FromSeconds(30), () =>
        {
            numbers.Sample(0, 0);
            return numbers.Now.SendingP99Ms > 0;
        });
    }

    [Fact]
    public async Task Percentiles_of_the_lag_are_those_of_the_last_ten_minutes()
    {
        await using var node = await LiveNode.StartAsync();
        using var numbers = new NodeNumbers(
            node.Node, node.Services.GetRequiredService<IMeterFactory>(), TimeProvider.System);
        for (var second = 0; second < 1000; second++)
        {
            numbers.Sample(0, second);
        }

        Assert.Equal((700, 994), (numbers.Now.LagP50Ms, numbers.Now.LagP99Ms));
    }

    [Fact]
    public void History_averages_and_forgets()
    {
        var history = new NumberHistory();
        for (var second = 0; second < 2 * 24 * 3600; second++)
        {
            history.Add(Start.AddSeconds(second), new Point(second, 0, 0, 0, 0, 0, 0));
        }

        foreach (var (range, points, step) in new[] { ("10m", 121, 5), ("1h", 121, 30), ("24h", 289, 300) })
        {
            var (between, read) = history.Read(range)!.Value;
            Assert.Equal(step, between.TotalSeconds);
            Assert.Equal(points, read.Count);
            Assert.All(read.Zip(read.Skip(1)), pair => Assert.Equal(step, pair.Second.At - pair.First.At));
            Assert.Equal(
                read[^1].At - Start.ToUnixTimeSeconds() + ((step - 1) / 2.0), read[^1].Average.Entries, 3);
        }

        Assert.Null(history.Read("1w"));
    }

    [Fact]
    public void History_covers_its_time_after_a_suspension_too()
    {
        var history = new NumberHistory();
        void Record(int from, int to)
        {
            for (var second = from; second < to; second++)
            {
                history.Add(Start.AddSeconds(second), new Point(1, 0, 0, 0, 0, 0, 0));
            }
        }

        Record(0, 600);
        Record(1000, 1010);
        var begin = Start.ToUnixTimeSeconds();
        Assert.Equal(
            [.. Enumerable.Range(0, 39).Select(i => begin + 405 + (5 * i)), begin + 1000, begin + 1005],
            history.Read("10m")!.Value.Points.Select(point => point.At));
        Assert.Equal(21, history.Read("1h")!.Value.Points.Count);
    }

    [Fact]
    public void History_is_in_order_after_the_clock_was_set_back()
    {
        var history = new NumberHistory();
        foreach (var second in Enumerable.Range(0, 60).Concat(Enumerable.Range(20, 20)))
        {
            history.Add(Start.AddSeconds(second), new Point(second, 0, 0, 0, 0, 0, 0));
        }

        var times = history.Read("10m")!.Value.Points.Select(point => point.At - Start.ToUnixTimeSeconds());
        Assert.Equal([0, 5, 10, 15, 20, 25, 30, 35], times);
    }

    [Theory]
    [InlineData("/api/history", HttpStatusCode.OK)]
    [InlineData("/api/history?range=24h", HttpStatusCode.OK)]
    [InlineData("/api/history?range=1w", HttpStatusCode.BadRequest)]
    public async Task History_has_three_ranges(string address, HttpStatusCode status)
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        Assert.Equal(status, await host.StatusAsync(address));
    }

    [Fact]
    public async Task Topics_are_listed_by_size()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        host.Node.TopicCounts.AddRange(
            Enumerable.Range(0, 25_000).Select(i => new TopicCount($"t{i:D5}", (i * 7919) % 25_000, 1)));
        var body = await host.Http.GetFromJsonAsync<JsonElement>("/api/topics?order=size&limit=3");
        Assert.Equal(
            [24_999, 24_998, 24_997],
            body.GetProperty("topics").EnumerateArray().Select(topic => topic.GetProperty("count").GetInt32()));
        Assert.Equal(25_000, body.GetProperty("examined").GetInt32());
        Assert.True(body.GetProperty("complete").GetBoolean());
    }
}
