namespace Presence.SignalR.Tests;

public sealed class HubResumeTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Session_is_resumed_on_any_server_without_a_leave_or_a_join(int server)
    {
        await using var servers = await HubServers.StartAsync(2, options => options.Grace = Grace);
        await using var bob = await servers.ConnectAsync(1, "bob");
        await bob.InvokeAsync("Join", "room");
        string? token;
        await using (var ann = await servers.ConnectAsync(0, "ann"))
        {
            token = await ann.InvokeAsync<string?>("Resume", null, "room", """{"a":1}""");
            await bob.UntilKeysAsync("ann", "bob");
        }

        await using var again = await servers.ConnectAsync(server, "ann");
        var next = await again.InvokeAsync<string?>("Resume", token, "room", """{"a":1}""");
        Assert.NotNull(next);

        // A control: the changes that are real are seen.
        await using (var cid = await servers.ConnectAsync(server, "cid"))
        {
            await cid.InvokeAsync("Join", "room");
            await bob.Events.FirstAsync(e => e.StartsWith("joined cid", StringComparison.Ordinal));
        }

        await bob.Events.FirstAsync(e => e.StartsWith("left cid", StringComparison.Ordinal));
        await again.InvokeAsync("Leave");
        await bob.Events.FirstAsync(e => e.StartsWith("left ann", StringComparison.Ordinal));
        Assert.Single(bob.Events.All, e => e.StartsWith("joined ann", StringComparison.Ordinal));
        Assert.Single(bob.Events.All, e => e.StartsWith("left ann", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Token_of_another_user_hub_or_text_begins_a_new_session()
    {
        await using var servers = await HubServers.StartAsync(1, options => options.Grace = Grace);
        string? token;
        await using (var ann = await servers.ConnectAsync(0, "ann"))
        {
            token = await ann.InvokeAsync<string?>("Resume", null, "room", "{}");
        }

        foreach (var (user, hub, text) in ((string, string, string?)[])
            [("eve", "hub", token), ("ann", "other", token), ("ann", "hub", "no token")])
        {
            await using var other = await servers.ConnectAsync(0, user, hub: hub);
            await other.InvokeAsync<string?>("Resume", text, "room", "{}");
            await other.InvokeAsync("Leave");
            await servers.UntilKeysAsync(0, "room", "ann");
        }
    }

    [Fact]
    public async Task Token_that_a_later_one_replaced_does_not_take_the_session_from_its_connection()
    {
        await using var servers = await HubServers.StartAsync(2, options => options.Grace = Grace);
        string? token;
        await using (var first = await servers.ConnectAsync(0, "ann"))
        {
            token = await first.InvokeAsync<string?>("Resume", null, "room", "{}");
        }

        await using var ann = await servers.ConnectAsync(1, "ann");
        await ann.InvokeAsync<string?>("Resume", token, "room", "{}");
        await ann.InvokeAsync("Update", "room", """{"confirmed":true}""");
        await using var duplicate = await servers.ConnectAsync(1, "ann");
        await duplicate.InvokeAsync<string?>("Resume", token, "room", "{}");
        Assert.Equal(2, servers.Node(1).Tracker.Count("room"));
        await ann.InvokeAsync("Update", "room", """{"still":"here"}""");
    }

    [Fact]
    public async Task Presences_without_a_token_end_with_their_connection_whatever_the_grace()
    {
        await using var servers = await HubServers.StartAsync(1, options => options.Grace = Grace);
        await using (var ann = await servers.ConnectAsync(0, "ann"))
        {
            await ann.InvokeAsync("Join", "room");
        }

        await servers.UntilKeysAsync(0, "room");
    }

    [Fact]
    public async Task Resume_after_a_track_and_writes_of_the_earlier_connection_are_errors()
    {
        await using var servers = await HubServers.StartAsync(1, options => options.Grace = Grace);
        await using var ann = await servers.ConnectAsync(0, "ann");
        var token = await ann.InvokeAsync<string?>("Resume", null, "room", "{}");
        var error = await Assert.ThrowsAsync<HubException>(() => ann.InvokeAsync("Resume", token, "room", "{}"));
        Assert.Contains("before", error.Message);
        await using var again = await servers.ConnectAsync(0, "ann");
        await again.InvokeAsync<string?>("Resume", token, "room", "{}");
        error = await Assert.ThrowsAsync<HubException>(() => ann.InvokeAsync("Update", "room", """{"late":true}"""));
        Assert.Contains("resumed elsewhere", error.Message);
        await servers.UntilKeysAsync(0, "room", "ann");
    }
}
