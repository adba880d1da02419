using Presence.Dashboard.Api;

namespace Presence.Dashboard.Tests.Api;

public sealed class ReadingTests
{
    [Fact]
    public async Task Topics_are_returned_in_pages_and_the_last_one_has_no_next()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        host.Node.TopicCounts.AddRange([new("a", 3, 2), new("b", 1, 1), new("c", 1, 1)]);
        var first = await host.Http.GetFromJsonAsync<JsonElement>("/api/topics?limit=2");
        Assert.Equal("""[{"topic":"a","count":3,"keys":2},{"topic":"b","count":1,"keys":1}]""", Raw(first, "topics"));
        Assert.Equal("b", first.GetProperty("next").GetString());
        var last = await host.Http.GetFromJsonAsync<JsonElement>("/api/topics?limit=2&after=b");
        Assert.Equal("""[{"topic":"c","count":1,"keys":1}]""", Raw(last, "topics"));
        Assert.Equal("null", Raw(last, "next"));
    }

    [Theory]
    [InlineData("/api/topics?limit=0", "'limit' must be")]
    [InlineData("/api/topics?limit=1001", "'limit' must be")]
    [InlineData("/api/topics?limit=two", "'limit' must be")]
    [InlineData("/api/topics?limit=1&limit=2", "'limit' is given 2 times")]
    [InlineData("/api/topic", "'topic' is missing")]
    [InlineData("/api/topic?topic=", "'topic' is empty")]
    [InlineData("/api/presences", "'topic' is missing")]
    [InlineData("/api/presences?topic=t&key=", "'key' is empty")]
    [InlineData("/api/key", "'key' is missing")]
    [InlineData("/api/counts?topic=t", "'field' is missing")]
    public async Task Invalid_query_is_explained(string path, string expected)
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        using var response = await host.Http.GetAsync(path);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Contains(expected, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Key_in_several_topics_is_counted_once()
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        foreach (var (topic, key) in new[] { ("a", "ann"), ("a", "bob"), ("b", "ann"), ("c", "ann") })
        {
            await node.Node.Tracker.TrackAsync(session, topic, key);
        }

        var keys = await node.Http.GetFromJsonAsync<JsonElement>("/api/keys");
        Assert.Equal("""{"keys":2,"examined":4,"complete":true}""", keys.GetRawText());
    }

    [Fact]
    public async Task Different_keys_of_a_part_are_said_to_be_those_of_a_part()
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        var requests = Enumerable.Range(0, DifferentKeys.MaxExamined + 1).Select(i => new TrackRequest("a", $"k{i}"));
        await node.Node.Tracker.TrackManyAsync(session, [.. requests]);
        Assert.Equal(
            (DifferentKeys.MaxExamined, DifferentKeys.MaxExamined, false), DifferentKeys.Of(node.Node.Tracker));
    }

    [Fact]
    public async Task Presences_are_counted_by_a_metadata_field()
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        var metas = new[] { """{"page":"/x"}""", """{"page":"/y"}""", """{"page":"/x"}""", "{}", """{"page":[1]}""" };
        foreach (var (key, meta) in new[] { "a", "b", "c", "d", "e" }.Zip(metas))
        {
            await node.Node.Tracker.TrackAsync(session, "t", key, PresenceMeta.Parse(meta));
        }

        var counts = await node.Http.GetFromJsonAsync<JsonElement>("/api/counts?topic=t&field=page&limit=3");
        Assert.Equal(
            """[{"value":"/x","count":2},{"value":"/y","count":1},{"value":"[1]","count":1}]""", Raw(counts, "counts"));
        Assert.Equal("1", Raw(counts, "other"));
    }

    [Fact]
    public async Task Long_values_with_one_beginning_are_counted_apart_and_cut_visibly()
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        var beginning = new string('x', 99);
        foreach (var (key, end) in new[] { ("a", "!one"), ("b", "!two"), ("c", "!two"), ("d", "😀") })
        {
            var meta = PresenceMeta.Parse(JsonSerializer.Serialize(new { page = beginning + end }));
            await node.Node.Tracker.TrackAsync(session, "t", key, meta);
        }

        var counts = await node.Http.GetFromJsonAsync<JsonElement>("/api/counts?topic=t&field=page");
        Assert.Equal(
            [(beginning + "!…", 2), (beginning + "!…", 1), (beginning + "…", 1)],
            counts.GetProperty("counts").EnumerateArray().Select(c => (Text(c), c.GetProperty("count").GetInt32())));
        static string? Text(JsonElement count) => count.GetProperty("value").GetString();
    }

    [Fact]
    public async Task Text_null_is_not_counted_with_presences_without_the_field()
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        var metas = new[] { """{"page":"null"}""", """{"page":"null"}""", """{"page":null}""", "{}", "{}" };
        foreach (var (key, meta) in new[] { "a", "b", "c", "d", "e" }.Zip(metas))
        {
            await node.Node.Tracker.TrackAsync(session, "t", key, PresenceMeta.Parse(meta));
        }

        var counts = await node.Http.GetFromJsonAsync<JsonElement>("/api/counts?topic=t&field=page");
        Assert.Equal("""[{"value":null,"count":3},{"value":"null","count":2}]""", Raw(counts, "counts"));
    }

    [Fact]
    public async Task Text_of_any_language_is_read_as_UTF8()
    {
        await using var node = await LiveNode.StartAsync();
        using var session = node.Node.OpenSession();
        var meta = PresenceMeta.Parse("""{"page":"日本語 <é> 😀"}""");
        await node.Node.Tracker.TrackAsync(session, "t", "東京", meta);
        Assert.Contains(
            """{"key":"東京","metas":[{"page":"日本語 <é> 😀",""",
            await node.Http.GetStringAsync("/api/presences?topic=t"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_absent_key_is_not_found()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        Assert.Equal(HttpStatusCode.NotFound, await host.StatusAsync("/api/presences?topic=t&key=nobody"));
    }

    [Fact]
    public async Task Cluster_is_returned_with_incarnations_as_text()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        var cluster = await host.Http.GetFromJsonAsync<JsonElement>("/api/cluster");
        Assert.Equal("node-1", cluster.GetProperty("node").GetString());
        Assert.Equal("ready", cluster.GetProperty("state").GetString());
        Assert.Equal("in-memory", cluster.GetProperty("transport").GetProperty("name").GetString());
        Assert.Equal(3 + 4, cluster.GetProperty("entries").GetInt32());
        Assert.Equal(2000, cluster.GetProperty("lag_ms").GetDouble());
        Assert.Equal(
            """{"name":"node-2","status":"down","self":false,"entries":0,"version":null}""",
            cluster.GetProperty("nodes")[1].GetRawText());
        Assert.Equal("18446744073709551615", cluster.GetProperty("replicas")[0].GetProperty("incarnation").GetString());
        Assert.Equal(31000, cluster.GetProperty("replicas")[1].GetProperty("silent_ms").GetDouble());
    }

    [Fact]
    public async Task Internal_error_is_a_problem_without_details()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        using var response = await host.Http.GetAsync("/api/topic?topic=t");
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.DoesNotContain("a fault inside", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static string Raw(JsonElement body, string property) => body.GetProperty(property).GetRawText();
}
