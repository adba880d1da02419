namespace Presence.AspNetCore.Tests;

/// <summary>Endpoints of counts-only topics.</summary>
public sealed class CountsOnlyTests : IAsyncLifetime
{
    private readonly TestTime _time = new();
    private WebHost _host = null!;

    public async Task InitializeAsync() => _host = await WebHost.StartNodeAsync(
        _time,
        services => services.Configure<PresenceOptions>(
            options => options.Tracker.AddCountsOnly("live:*", sample: 1)));

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task Reader_receives_counts_that_are_not_exact_once_per_period_and_comes_back_to_counts()
    {
        var (tracker, session) = (_host.Node.Tracker, _host.Node.OpenSession());
        await tracker.TrackAsync(session, "live:1", "ann");
        string last;
        await using (var reader = await EventReader.OpenAsync(_host.Http, "/presence/live:1/events"))
        {
            Assert.Equal("counts", (await reader.NextAsync("mode")).GetProperty("mode").GetString());
            var first = await reader.NextAsync("counts");
            Assert.Equal((1, 1), (first.GetProperty("count").GetInt32(), first.GetProperty("keys").GetInt32()));
            Assert.False(first.GetProperty("exact").GetBoolean());
            Assert.Equal("ann", first.GetProperty("sample")[0].GetProperty("key").GetString());
            await tracker.TrackAsync(session, "live:1", "bob");
            await tracker.TrackAsync(_host.Node.OpenSession(), "live:1", "bob");
            await tracker.DeliveredAsync();
            _time.Advance(TimeSpan.FromSeconds(1));
            var second = await reader.NextAsync("counts");
            Assert.Equal((3, 2), (second.GetProperty("count").GetInt32(), second.GetProperty("keys").GetInt32()));
            Assert.False(second.TryGetProperty("sample", out _));
            last = reader.LastId;
        }

        session.End();
        await tracker.DeliveredAsync();
        _time.Advance(TimeSpan.FromSeconds(1));
        await using var again = await EventReader.OpenAsync(_host.Http, "/presence/live:1/events", last);
        await again.NextAsync("mode");
        Assert.Equal(1, (await again.NextAsync("counts")).GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task Counts_and_pages_are_read()
    {
        await _host.Node.Tracker.TrackAsync(_host.Node.OpenSession(), "live:1", "ann");
        Assert.Equal(
            """{"topic":"live:1","count":1,"keys":1}""", await _host.Http.GetStringAsync("/presence/live:1/count"));
        var page = await _host.GetAsync("/presence/live:1?limit=1");
        Assert.Equal("ann", page.GetProperty("presences")[0].GetProperty("key").GetString());
    }

    [Theory]
    [InlineData("/presence/live:1/keys/ann", "live:1")]
    [InlineData("/presence/live:1/events?first=1", "live:1")]
    [InlineData("/presence/keys/events?key=ann&within=live:*", "live:*")]
    public async Task Members_of_a_counts_only_topic_are_a_conflict(string path, string topic)
    {
        var detail = await WebHost.ProblemAsync(HttpStatusCode.Conflict, await _host.Http.GetAsync(path));
        Assert.Equal($"Topic '{topic}' is counts-only: it has counts and pages, but no list of presences.", detail);
    }
}
