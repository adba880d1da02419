using Presence.Node.Feeds;

namespace Presence.AspNetCore.Tests;

public sealed class EventTests : IAsyncLifetime
{
    private readonly TestTime _time = new();
    private WebHost _host = null!;

    public async Task InitializeAsync() => _host = await WebHost.StartNodeAsync(
        _time,
        services => services.Configure<PresenceOptions>(
            options => options.Tracker
                .AddIndex("lobby", "/status").AddIndex("lob*", "/n").AddAdaptive("big", members: 2, sample: 1)));

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task Reader_receives_the_state_and_then_the_changes_with_first_and_last_of_a_key()
    {
        var (phone, laptop) = (_host.Node.OpenSession(), _host.Node.OpenSession());
        await _host.Node.Tracker.TrackAsync(phone, "lobby", "ann", PresenceMeta.Parse("""{"on":"phone"}"""));
        await using var reader = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events");
        var state = await reader.NextAsync("state");
        var shown = state.GetProperty("presences")[0].GetProperty("ref").GetString();
        Assert.Equal("phone", state.GetProperty("presences")[0].GetProperty("meta").GetProperty("on").GetString());

        var change = await NextAsync(_host.Node.Tracker.TrackAsync(laptop, "lobby", "ann").AsTask());
        Assert.Equal("joined", change.GetProperty("kind").GetString());
        Assert.False(change.TryGetProperty("first", out _));

        change = await NextAsync(
            _host.Node.Tracker.UpdateAsync(phone, "lobby", "ann", PresenceMeta.Parse("""{"on":"tablet"}""")).AsTask());
        Assert.Equal("updated", change.GetProperty("kind").GetString());
        Assert.Equal(shown, change.GetProperty("previousRef").GetString());
        shown = change.GetProperty("ref").GetString();

        change = await NextAsync(Task.Run(phone.End));
        Assert.Equal(("left", shown), (change.GetProperty("kind").GetString(), change.GetProperty("ref").GetString()));
        Assert.Equal("sessionEnded", change.GetProperty("reason").GetString());
        Assert.False(change.TryGetProperty("last", out _));

        change = await NextAsync(Task.Run(laptop.End));
        Assert.True(change.GetProperty("last").GetBoolean());

        change = await NextAsync(_host.Node.Tracker.TrackAsync(_host.Node.OpenSession(), "lobby", "bob").AsTask());
        Assert.True(change.GetProperty("first").GetBoolean());

        async Task<JsonElement> NextAsync(Task write)
        {
            await write;
            await _host.Node.Tracker.DeliveredAsync();
            _time.Advance(ChangeFeeds.DiffInterval);
            return Assert.Single((await reader.NextAsync("diff")).GetProperty("changes").EnumerateArray());
        }
    }

    [Fact]
    public async Task Reader_of_a_view_receives_its_part_and_returns_with_its_last_id()
    {
        const string Path = "/presence/lobby/events?first=2&prefix=a&where=/status%3Dbusy&where=/n=1";
        string last;
        var session = _host.Node.OpenSession();
        var busy = PresenceMeta.Parse("""{"status":"busy","n":1}""");
        await using (var reader = await EventReader.OpenAsync(_host.Http, Path))
        {
            await reader.NextAsync("state");
            await ChangeAsync(_host.Node.Tracker.TrackAsync(session, "lobby", "ann", busy).AsTask());
            Assert.Equal("joined ann ", await NextAsync(reader));
            last = reader.LastId;
        }

        await ChangeAsync(_host.Node.Tracker.TrackAsync(session, "lobby", "bob", busy).AsTask());
        await ChangeAsync(_host.Node.Tracker.UpdateAsync(
            session, "lobby", "ann", PresenceMeta.Parse("""{"status":"away","n":1}""")).AsTask());
        await using var again = await EventReader.OpenAsync(_host.Http, Path, last);
        Assert.Equal("left ann outOfView", await NextAsync(again));
        await ChangeAsync(_host.Node.Tracker.UpdateAsync(session, "lobby", "ann", busy).AsTask());
        Assert.Equal("joined ann outOfView", await NextAsync(again));

        async Task ChangeAsync(Task write)
        {
            await write;
            await _host.Node.Tracker.DeliveredAsync();
            _time.Advance(ChangeFeeds.DiffInterval);
        }

        static async Task<string> NextAsync(EventReader reader)
        {
            var change = Assert.Single((await reader.NextAsync("diff")).GetProperty("changes").EnumerateArray());
            return $"{change.GetProperty("kind")} {change.GetProperty("key")} "
                + (change.TryGetProperty("reason", out var reason) ? reason.GetString() : "");
        }
    }

    [Fact]
    public async Task Reader_receives_counts_while_the_topic_is_large_and_returns_in_either_mode()
    {
        var session = _host.Node.OpenSession();
        string members, counts;
        await using (var reader = await EventReader.OpenAsync(_host.Http, "/presence/big/events"))
        {
            await reader.NextAsync("state");
            await ChangeAsync("ann", joins: true);
            await reader.NextAsync("diff");
            members = reader.LastId;
            await ChangeAsync("bob", joins: true);
            await reader.NextAsync("diff");
            await ChangeAsync("cid", joins: true);
            await reader.NextAsync("diff");
            Assert.Equal("counts", (await reader.NextAsync("mode")).GetProperty("mode").GetString());
            Assert.Equal("", reader.LastId);
            var first = await reader.NextAsync("counts");
            Assert.Equal((3, 3), (first.GetProperty("count").GetInt32(), first.GetProperty("keys").GetInt32()));
            var sampled = Assert.Single(first.GetProperty("sample").EnumerateArray());
            Assert.Equal("ann", sampled.GetProperty("key").GetString());
            await ChangeAsync("dan", joins: true);
            var second = await reader.NextAsync("counts");
            Assert.Equal((4, true), (second.GetProperty("count").GetInt32(), second.GetProperty("exact").GetBoolean()));
            var counted = _time.GetUtcNow() - TimeSpan.FromSeconds(1);
            Assert.Equal(counted.ToUnixTimeMilliseconds(), second.GetProperty("at").GetInt64());
            Assert.False(second.TryGetProperty("sample", out _));
            counts = reader.LastId;
        }

        await using (var again = await EventReader.OpenAsync(_host.Http, "/presence/big/events", members))
        {
            await again.NextAsync("mode");
            Assert.True((await again.NextAsync("counts")).TryGetProperty("sample", out _));
        }

        await ChangeAsync("dan", joins: false);
        await ChangeAsync("cid", joins: false);
        await using var after = await EventReader.OpenAsync(_host.Http, "/presence/big/events", counts);
        Assert.Equal(2, (await after.NextAsync("state")).GetProperty("presences").GetArrayLength());

        async Task ChangeAsync(string key, bool joins)
        {
            var tracker = _host.Node.Tracker;
            if (joins)
            {
                await tracker.TrackAsync(session, "big", key);
            }
            else
            {
                await tracker.UntrackAsync(session, "big", key);
            }

            await tracker.DeliveredAsync();
            _time.Advance(TimeSpan.FromSeconds(1));
        }
    }

    [Theory]
    [InlineData("first=0", "first must be 1 to 1000.")]
    [InlineData("first=x", "first must be a whole number, 1 to 1000.")]
    [InlineData("first=1&first=2", "first and prefix are given at most once, where at most 4 times.")]
    [InlineData("where=/status", "where is a field and a value, such as where=/status=busy, each once.")]
    [InlineData(
        "where=/status=a&where=/status=b", "where is a field and a value, such as where=/status=busy, each once.")]
    [InlineData("where=status=busy", "A field of where is a JSON Pointer such as /status.")]
    [InlineData("where=/x=y", "The field '/x' is not declared for this topic: declare it with AddIndex.")]
    public async Task View_that_cannot_be_used_is_a_bad_request(string query, string detail)
    {
        using var response = await _host.Http.GetAsync(new Uri($"/presence/lobby/events?{query}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var problem = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal(detail, problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Reader_that_returns_with_its_last_id_receives_exactly_what_it_missed()
    {
        string last;
        await using (var reader = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events"))
        {
            await reader.NextAsync("state");
            await TrackAsync("ann");
            await reader.ChangesUntilAsync("ann");
            last = reader.LastId;
        }

        await TrackAsync("bob");
        await TrackAsync("cid");
        await using var again = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events", last);
        Assert.Equal(["joined bob", "joined cid"], await again.ChangesUntilAsync("cid"));
        await using var upToDate = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events", again.LastId);
        await TrackAsync("dan");
        Assert.Equal(["joined dan"], await upToDate.ChangesUntilAsync("dan"));
    }

    [Theory]
    [InlineData("00000000000000ff1")]
    [InlineData("not an id")]
    public async Task Unknown_last_id_is_answered_with_the_state(string id)
    {
        await TrackAsync("ann");
        await using var reader = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events", id);
        Assert.Equal(1, (await reader.NextAsync("state")).GetProperty("presences").GetArrayLength());
    }

    [Fact]
    public async Task Quiet_stream_shows_that_it_is_alive_and_states_when_to_return()
    {
        await using var reader = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events");
        await reader.NextAsync("state");
        Assert.InRange(reader.Retry, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
        _time.Advance(ChangeFeeds.PulseInterval);
        Assert.Equal("keep-alive", (await reader.NextAsync())!.Value.EventType);
    }

    [Fact]
    public async Task Streams_end_when_the_host_stops()
    {
        await using var reader = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events");
        await reader.NextAsync("state");
        _host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Null(await reader.NextAsync());
    }

    [Fact]
    public async Task Slow_reader_does_not_delay_others_and_receives_a_state_later()
    {
        await using var slow = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events");
        await slow.NextAsync("state");
        await using var fast = await EventReader.OpenAsync(_host.Http, "/presence/lobby/events");
        await fast.NextAsync("state");

        // More than the buffers between the two sockets hold, while the slow reader does not read.
        var meta = PresenceMeta.Parse($$"""{"text":"{{new string('x', 60_000)}}"}""");
        const int Count = 2 * ChangeFeed.MaxDiffs;
        var session = _host.Node.OpenSession();
        await _host.Node.Tracker.TrackAsync(session, "lobby", "ann");
        await fast.ChangesUntilAsync("ann");
        for (var i = 0; i < Count; i++)
        {
            _time.Advance(ChangeFeeds.DiffInterval);
            await _host.Node.Tracker.UpdateAsync(session, "lobby", "ann", meta);
            await fast.ChangesUntilAsync("ann");
        }

        SseItem<string>? next;
        var read = 0;
        while ((next = await slow.NextAsync())!.Value.EventType != "state")
        {
            Assert.InRange(++read, 1, Count);
        }

        Assert.Contains("ann", next.Value.Data);
    }

    private async Task TrackAsync(string key)
    {
        await _host.Node.Tracker.TrackAsync(_host.Node.OpenSession(), "lobby", key);
        await _host.Node.Tracker.DeliveredAsync();
        _time.Advance(ChangeFeeds.DiffInterval);
    }
}
