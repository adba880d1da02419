namespace Presence.AspNetCore.Tests;

public sealed class EventTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new();
    private WebHost _host = null!;

    public async Task InitializeAsync() => _host = await WebHost.StartNodeAsync(_time);

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
