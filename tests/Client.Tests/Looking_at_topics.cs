using System.Text.Json;
using Presence.Tracker;

namespace Presence.CommandLine.Tests;

public sealed class Looking_at_topics(OneMember member) : IClassFixture<OneMember>
{
    [Fact]
    public async Task List_says_who_is_there_one_object_per_line()
    {
        using var tab = member.Node.StartProcess();
        await member.Node.Tracker.TrackAsync(tab, "list", "bob", PresenceMeta.Parse("""{"n":2}"""));
        await member.Node.Tracker.TrackAsync(tab, "list", "ann", PresenceMeta.Parse("""{"n":1}"""));
        var (status, output, error) = await Run.ToEndAsync(member.With("list", "list", "--json"));
        Assert.Equal((0, ""), (status, error));
        var lines = output.Trim().Split('\n').Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToArray();
        Assert.Equal(["ann", "bob"], lines.Select(line => line.GetProperty("key").GetString()));
        Assert.Equal(1, lines[0].GetProperty("metas")[0].GetProperty("n").GetInt32());
    }

    [Fact]
    public async Task An_empty_topic_is_an_empty_list_and_no_error() =>
        Assert.Equal((0, "", ""), await Run.ToEndAsync(member.With("list", "nobody")));

    [Fact]
    public async Task Get_fails_if_nobody_is_there()
    {
        using var tab = member.Node.StartProcess();
        await member.Node.Tracker.TrackAsync(tab, "get", "ann", PresenceMeta.Parse("""{"n":1}"""));
        var found = await Run.ToEndAsync(member.With("get", "get", "ann"));
        Assert.Equal(0, found.Status);
        Assert.StartsWith("  ann  {\"n\":1", found.Output, StringComparison.Ordinal);
        var missing = await Run.ToEndAsync(member.With("get", "get", "bob"));
        Assert.Equal((1, ""), (missing.Status, missing.Output));
        Assert.Contains("nobody is present in 'get' under 'bob'", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watch_tells_joins_updates_and_leaves_until_it_is_stopped()
    {
        using var tab = member.Node.StartProcess();
        await member.Node.Tracker.TrackAsync(tab, "watch", "ann");
        using var watch = Run.Begin(member.With("watch", "watch"));
        await watch.LineAsync("  ann ");
        await member.Node.Tracker.TrackAsync(tab, "watch", "bob", PresenceMeta.Parse("""{"mood":1}"""));
        await watch.LineAsync("+ bob  {\"mood\":1");
        await member.Node.Tracker.UpdateAsync(tab, "watch", "bob", PresenceMeta.Parse("""{"mood":2}"""));
        await watch.LineAsync("~ bob  {\"mood\":2");
        await member.Node.Tracker.UntrackAsync(tab, "watch", "bob");
        await watch.LineAsync("- bob ");
        Assert.Equal(0, await watch.StopAsync());
    }

    [Fact]
    public async Task Track_is_present_for_as_long_as_it_runs()
    {
        using var watch = Run.Begin(member.With("watch", "track", "--json"));
        using var track = Run.Begin(member.With("track", "track", "carl", "--meta", """{"from":"here"}"""));
        await track.LineAsync("carl is present in track");
        var joined = JsonSerializer.Deserialize<JsonElement>(await watch.LineAsync("carl"));
        Assert.Equal("here", joined.GetProperty("metas")[0].GetProperty("from").GetString());
        Assert.Equal(0, await track.StopAsync());
        await watch.LineAsync("\"leave\"");
        Assert.Equal(0, await watch.StopAsync());
    }

    [Fact]
    public async Task A_key_cannot_move_the_cursor_of_a_terminal()
    {
        using var tab = member.Node.StartProcess();
        await member.Node.Tracker.TrackAsync(tab, "keys", "a\u001b[2Jb");
        var (_, output, _) = await Run.ToEndAsync(member.With("list", "keys"));
        Assert.DoesNotContain('\u001b', output);
    }

    [Fact]
    public async Task Cluster_shows_the_members()
    {
        var (status, output, _) = await Run.ToEndAsync(member.With("cluster"));
        Assert.Equal(0, status);
        Assert.Contains("node-1 (ready), engine embedded", output, StringComparison.Ordinal);
        var json = await Run.ToEndAsync(member.With("cluster", "--json"));
        Assert.Equal("node-1", JsonSerializer.Deserialize<JsonElement>(json.Output).GetProperty("node").GetString());
    }

    [Fact]
    public async Task A_wrong_password_fails_with_a_reason_and_is_not_shown()
    {
        var (status, output, error) = await Run.ToEndAsync([.. member.With("list", "lobby"), "--password", "guessed"]);
        Assert.Equal((1, ""), (status, output));
        Assert.Contains("does not sign in 'admin'", error, StringComparison.Ordinal);
        Assert.DoesNotContain("guessed", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_that_is_not_there_fails_with_a_reason()
    {
        var (status, _, error) = await Run.ToEndAsync("list", "lobby", "--password", "x", "--url", "http://127.0.0.1:1");
        Assert.Equal(1, status);
        Assert.Contains("does not answer", error, StringComparison.Ordinal);
    }
}
