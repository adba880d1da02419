namespace Presence.AspNetCore.Tests;

public sealed class WriteTests : IAsyncLifetime
{
    private readonly TestTime _time = new();
    private WebHost _host = null!;

    private IPresenceTracker Tracker => _host.Node.Tracker;

    public async Task InitializeAsync() => _host = await WebHost.StartNodeAsync(_time);

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task Put_makes_a_key_present_until_it_is_not_repeated()
    {
        var created = await _host.PutAsync("/presence/jobs/worker-7", """{"job":1}""");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        var body = await created.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(30, body.GetProperty("expiresInSeconds").GetDouble());
        Assert.Equal(Tracker.List("jobs").Single().Ref, body.GetProperty("ref").GetString());
        for (var i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(25));
            var renewed = await _host.PutAsync("/presence/jobs/worker-7", """{"job":1}""");
            Assert.Equal(HttpStatusCode.OK, renewed.StatusCode);
        }

        Assert.Equal(body.GetProperty("ref").GetString(), Tracker.List("jobs").Single().Ref);
        var left = new Awaited<PresenceChange>();
        using var subscription = Tracker.Subscribe("jobs", diff => left.Add(diff.Changes[0]));
        _time.Advance(TimeSpan.FromSeconds(30));
        await left.FirstAsync(change => change.Kind == PresenceChangeKind.Left);
    }

    [Fact]
    public async Task Put_with_a_duration_lasts_that_long()
    {
        await _host.PutAsync("/presence/jobs/worker-7?seconds=300");
        _time.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(1, Tracker.Count("jobs"));
    }

    [Fact]
    public async Task Put_with_other_metadata_updates_the_presence()
    {
        await _host.PutAsync("/presence/jobs/worker-7", """{"job":1}""");
        await _host.PutAsync("/presence/jobs/worker-7", """{"job":2}""");
        Assert.Equal("""{"job":2}""", Tracker.List("jobs").Single().Meta.ToString());
    }

    [Fact]
    public async Task Delete_ends_the_presence_and_is_a_problem_when_there_is_none()
    {
        await _host.PutAsync("/presence/jobs/worker-7?holder=a");
        await _host.PutAsync("/presence/jobs/worker-7?holder=b");
        Assert.Equal(2, Tracker.Count("jobs"));
        var deleted = await _host.Http.DeleteAsync("/presence/jobs/worker-7?holder=a");
        Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        Assert.Equal(1, Tracker.Count("jobs"));
        await WebHost.ProblemAsync(
            HttpStatusCode.NotFound, await _host.Http.DeleteAsync("/presence/jobs/worker-7?holder=a"));
    }

    [Theory]
    [InlineData("[1]", HttpStatusCode.BadRequest, "must be a JSON object")]
    [InlineData("{", HttpStatusCode.BadRequest, "not valid JSON")]
    [InlineData("""{"a":"\ud800"}""", HttpStatusCode.BadRequest, "surrogate")]
    public async Task Bad_metadata_is_a_problem(string json, HttpStatusCode status, string detail)
    {
        var response = await _host.PutAsync("/presence/jobs/worker-7", json);
        Assert.Contains(detail, await WebHost.ProblemAsync(status, response));
        Assert.Equal(0, Tracker.Count("jobs"));
    }

    [Theory]
    [InlineData("seconds=0")]
    [InlineData("seconds=601")]
    [InlineData("seconds=1.5")]
    [InlineData("seconds=1&seconds=2")]
    [InlineData("holder=a&holder=b")]
    public async Task Bad_parameter_is_a_problem(string query) => await WebHost.ProblemAsync(
        HttpStatusCode.BadRequest, await _host.PutAsync("/presence/jobs/worker-7?" + query));

    [Fact]
    public async Task Metadata_of_another_type_or_too_large_and_a_key_too_long_are_problems()
    {
        await WebHost.ProblemAsync(
            HttpStatusCode.UnsupportedMediaType, await _host.PutAsync("/presence/jobs/w", "{}", "text/plain"));
        foreach (var size in (int[])[100_000, 2_000_000])
        {
            var large = $$"""{"a":"{{new string('x', size)}}"}""";
            await WebHost.ProblemAsync(
                HttpStatusCode.RequestEntityTooLarge, await _host.PutAsync("/presence/jobs/w", large));
        }

        await WebHost.ProblemAsync(
            HttpStatusCode.BadRequest, await _host.PutAsync("/presence/jobs/" + new string('k', 5000)));
        Assert.Equal(0, Tracker.Count("jobs"));
    }

    [Fact]
    public async Task Writes_that_are_not_allowed_are_not_mapped()
    {
        await using var host = await WebHost.StartNodeAsync(configure: options => options.AllowWrites = false);
        Assert.Equal(HttpStatusCode.NotFound, (await host.PutAsync("/presence/jobs/w")).StatusCode);
    }

    [Theory]
    [InlineData(0, 600)]
    [InlineData(60, 30)]
    [InlineData(30, 601)]
    public async Task Options_out_of_range_fail_the_start(int lease, int max) =>
        await Assert.ThrowsAsync<ArgumentException>(() => WebHost.StartNodeAsync(configure: options =>
        {
            options.LeaseDuration = TimeSpan.FromSeconds(lease);
            options.MaxLeaseDuration = TimeSpan.FromSeconds(max);
        }));
}
