namespace Presence.AspNetCore.Tests;

public sealed class ReadTests : IAsyncLifetime
{
    private WebHost _host = null!;

    public async Task InitializeAsync()
    {
        _host = await WebHost.StartNodeAsync();
        var session = _host.Node.OpenSession();
        foreach (var (topic, key) in ((string, string)[])[("room:1", "ann"), ("room:1", "bob"), ("a/b", "ann")])
        {
            await _host.Node.Tracker.TrackAsync(session, topic, key, PresenceMeta.Parse($$"""{"at" : "{{topic}}"}"""));
        }

        await _host.Node.Tracker.TrackAsync(_host.Node.OpenSession(), "room:1", "ann");
    }

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task Topic_is_listed_in_pages_of_whole_keys()
    {
        var page = await _host.GetAsync("/presence/room:1?limit=1");
        Assert.Equal(["ann", "ann"], Keys(page));
        Assert.Equal("ann", page.GetProperty("next").GetString());
        var last = await _host.GetAsync("/presence/room:1?limit=1&after=ann");
        Assert.Equal(["bob"], Keys(last));
        var bob = last.GetProperty("presences")[0];
        Assert.Equal("""{"at" : "room:1"}""", bob.GetProperty("meta").GetRawText());
        Assert.Equal(_host.Node.Tracker.GetByKey("room:1", "bob")[0].Ref, bob.GetProperty("ref").GetString());
    }

    [Fact]
    public async Task Topic_without_presences_is_an_empty_list() =>
        Assert.Equal("""{"topic":"nobody","presences":[]}""", await _host.Http.GetStringAsync("/presence/nobody"));

    [Fact]
    public async Task Presences_and_keys_are_counted() => Assert.Equal(
        """{"topic":"room:1","count":3,"keys":2}""", await _host.Http.GetStringAsync("/presence/room:1/count"));

    [Fact]
    public async Task Key_is_found_in_a_topic_and_its_absence_is_a_problem()
    {
        Assert.Equal(["ann", "ann"], Keys(await _host.GetAsync("/presence/room:1/keys/ann")));
        await WebHost.ProblemAsync(HttpStatusCode.NotFound, await _host.Http.GetAsync("/presence/room:1/keys/eve"));
    }

    [Theory]
    [InlineData("/presence/keys/ann", """{"key":"ann","online":true,"topics":["a/b","room:1"]}""")]
    [InlineData("/presence/keys/ann/topics", """{"key":"ann","online":true,"topics":["a/b","room:1"]}""")]
    [InlineData("/presence/keys/eve", """{"key":"eve","online":false,"topics":[]}""")]
    public async Task Topics_of_a_key_are_listed(string path, string expected) =>
        Assert.Equal(expected, await _host.Http.GetStringAsync(path));

    [Fact]
    public async Task Slash_in_a_topic_is_escaped_in_the_path() =>
        Assert.Equal(["ann"], Keys(await _host.GetAsync("/presence/a%2Fb")));

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=1001")]
    [InlineData("limit=x")]
    [InlineData("limit=1&limit=2")]
    [InlineData("after=a&after=b")]
    public async Task Bad_parameter_is_a_problem(string query)
    {
        var response = await _host.Http.GetAsync("/presence/room:1?" + query);
        Assert.Contains("limit", await WebHost.ProblemAsync(HttpStatusCode.BadRequest, response));
    }

    [Fact]
    public async Task Mapping_without_AddPresence_throws()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            () => WebHost.StartAsync(_ => { }, app => app.MapPresence("/presence")));
        Assert.Contains("AddPresence", error.Message);
    }

    private static IEnumerable<string> Keys(JsonElement page) =>
        page.GetProperty("presences").EnumerateArray().Select(p => p.GetProperty("key").GetString()!);
}
