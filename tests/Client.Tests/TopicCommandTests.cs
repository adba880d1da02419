using System.Text.Json;
using Presence.Tracker;

namespace Presence.CommandLine.Tests;

public sealed class TopicCommandTests(SingleNode node) : IClassFixture<SingleNode>
{
    [Fact]
    public async Task List_writes_one_object_per_line()
    {
        using var tab = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(tab, "list", "bob", PresenceMeta.Parse("""{"n":2}"""));
        await node.Node.Tracker.TrackAsync(tab, "list", "ann", PresenceMeta.Parse("""{"n":1}"""));
        var (status, output, error) = await Run.ToEndAsync(node.With("list", "list", "--json"));
        Assert.Equal((0, ""), (status, error));
        var lines = output.Trim().Split('\n').Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToArray();
        Assert.Equal(["ann", "bob"], lines.Select(line => line.GetProperty("key").GetString()));
        Assert.Equal(1, lines[0].GetProperty("metas")[0].GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task List_of_an_empty_topic_writes_a_line_beside_the_results() => Assert.Equal(
        (0, "", "Nobody is present in 'nobody'."),
        await Run.ToEndAsync(node.With("list", "nobody")) is var (status, output, error)
            ? (status, output, error.Trim()) : default);

    [Fact]
    public async Task Get_fails_without_presences()
    {
        using var tab = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(tab, "get", "ann", PresenceMeta.Parse("""{"n":1}"""));
        var found = await Run.ToEndAsync(node.With("get", "get", "ann"));
        Assert.Equal(0, found.Status);
        Assert.StartsWith("  ann  {\"n\":1", found.Output, StringComparison.Ordinal);
        var missing = await Run.ToEndAsync(node.With("get", "get", "bob"));
        Assert.Equal((1, ""), (missing.Status, missing.Output));
        Assert.Contains("nobody is present in 'get' under 'bob'", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_writes_joins_updates_and_leaves_until_it_is_stopped()
    {
        using var tab = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(tab, "watch", "ann");
        using var watch = Run.Begin(node.With("watch", "watch"));
        await watch.LineAsync("  ann ");
        await node.Node.Tracker.TrackAsync(tab, "watch", "bob", PresenceMeta.Parse("""{"mood":1}"""));
        await watch.LineAsync("+ bob  {\"mood\":1");
        await node.Node.Tracker.UpdateAsync(tab, "watch", "bob", PresenceMeta.Parse("""{"mood":2}"""));
        await watch.LineAsync("~ bob  {\"mood\":2");
        await node.Node.Tracker.UntrackAsync(tab, "watch", "bob");
        await watch.LineAsync("- bob ");
        Assert.Equal(0, await watch.StopAsync());
    }

    [Fact]
    public async Task Watch_of_an_empty_topic_writes_a_line_beside_the_results()
    {
        using var watch = Run.Begin(node.With("watch", "quiet"));
        Assert.Equal("Nobody is present in 'quiet'.", await watch.ErrorLineAsync("Nobody"));
        using var tab = node.Node.OpenSession();
        await node.Node.Tracker.TrackAsync(tab, "quiet", "ann");
        Assert.StartsWith("+ ann", await watch.LineAsync("ann"), StringComparison.Ordinal);
        Assert.Equal(0, await watch.StopAsync());
    }

    [Fact]
    public async Task Track_keeps_a_presence_while_it_runs()
    {
        using var watch = Run.Begin(node.With("watch", "track", "--json"));
        using var track = Run.Begin(node.With("track", "track", "carl", "--meta", """{"from":"here"}"""));
        await track.LineAsync("carl is present in track");
        var joined = JsonSerializer.Deserialize<JsonElement>(await watch.LineAsync("carl"));
        Assert.Equal("here", joined.GetProperty("metas")[0].GetProperty("from").GetString());
        Assert.Equal(0, await track.StopAsync());
        await watch.LineAsync("\"leave\"");
        Assert.Equal(0, await watch.StopAsync());
    }

    [Theory]
    [InlineData("list", "keys")]
    [InlineData("list", "keys", "--json")]
    public async Task Keys_and_metadata_cannot_move_the_cursor_of_a_terminal(params string[] arguments)
    {
        using var tab = node.Node.OpenSession();
        var meta = PresenceMeta.Parse("{\"x\":\"\u009b1m\u202e\"}");
        await node.Node.Tracker.TrackAsync(tab, "keys", "a\u001b[2Jb", meta);
        var (_, output, _) = await Run.ToEndAsync(node.With(arguments));
        Assert.DoesNotContain(output, c => c is '\u001b' or '\u009b' or '\u202e');
        Assert.Contains(@"a\u001b[2Jb", output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(@"\u202e", output, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Cluster_shows_the_nodes()
    {
        var (status, output, _) = await Run.ToEndAsync(node.With("cluster"));
        Assert.Equal(0, status);
        Assert.Contains("node-1 (ready), cluster transport in-memory", output, StringComparison.Ordinal);
        var json = await Run.ToEndAsync(node.With("cluster", "--json"));
        Assert.Equal("node-1", JsonSerializer.Deserialize<JsonElement>(json.Output).GetProperty("node").GetString());
    }

    [Fact]
    public async Task A_wrong_password_fails_with_a_reason_and_is_not_shown()
    {
        var (status, output, error) = await Run.ToEndAsync([.. node.With("list", "lobby"), "--password", "guessed"]);
        Assert.Equal((1, ""), (status, output));
        Assert.Contains("rejects 'admin'", error, StringComparison.Ordinal);
        Assert.DoesNotContain("guessed", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unreachable_node_fails_with_a_reason()
    {
        var (status, _, error) = await Run.ToEndAsync(
            "list", "lobby", "--password", "x", "--url", "http://127.0.0.1:1");
        Assert.Equal(1, status);
        Assert.Contains("does not answer", error, StringComparison.Ordinal);
    }
}
