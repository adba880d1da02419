namespace Presence.Samples.Tests.Playground;

public sealed class RoomChannelTests : PlaygroundCase
{
    private long Now => Server.Clock.GetUtcNow().ToUnixTimeMilliseconds();

    [Fact]
    public async Task Join_parameters_are_shown_beside_the_time_which_the_server_says()
    {
        var now = Now;
        await JoinAsync("ann", new { meta = new { mood = "calm", online_at = 5 } });
        Assert.Equal($$"""{"online_at":{{now}},"mood":"calm"}""", Meta("ann"));
    }

    [Fact]
    public async Task Metadata_is_kept_as_the_UTF8_that_arrived()
    {
        var now = Now;
        await JoinAsync("ann", ChannelPayload.Json("""{"meta":{"mood":"日本語 <é>","n":1.50}}"""));
        Assert.Equal($$"""{"online_at":{{now}},"mood":"日本語 <é>","n":1.50}""", Meta("ann"));
    }

    [Theory]
    [InlineData("""{"meta":5}""")]
    [InlineData("""{"meta":[]}""")]
    [InlineData("""{"meta":null}""")]
    [InlineData("[]")]
    public async Task Metadata_that_is_no_object_is_rejected(string parameters)
    {
        var join = await (await SignedInAsync("ann")).JoinAsync("room:1", ChannelPayload.Json(parameters));
        Assert.Equal("""error {"reason":"meta must be an object"}""", join.Reply.ToString());
        Assert.Empty(Server.Node.Tracker.List("room:1"));
    }

    [Fact]
    public async Task An_update_replaces_the_fields_it_names()
    {
        var now = Now;
        var ann = await JoinAsync("ann", new { meta = new { a = 1, b = 2 } });
        await ann.Push("update", new { meta = new { b = 3, c = 4 } }).AssertReplyAsync("ok", new { });
        Assert.Equal($$"""{"online_at":{{now}},"a":1,"b":3,"c":4}""", Meta("ann"));
    }

    [Fact]
    public async Task A_bad_update_is_rejected_and_changes_nothing()
    {
        var ann = await JoinAsync("ann", new { meta = new { a = 1 } });
        var before = Meta("ann");
        await ann.Push("update").AssertReplyAsync("error", new { reason = "meta must be an object" });
        await ann.Push("update", new { meta = new { x = new string('x', 100_000) } }).AssertReplyAsync("error");
        Assert.Equal(before, Meta("ann"));
        Assert.Equal(TestChannelState.Joined, ann.State);
    }

    [Fact]
    public async Task A_message_goes_to_all_the_sender_included_with_the_sender_s_name()
    {
        var ann = await JoinAsync("ann");
        var bob = await JoinAsync("bob");
        await ann.Push("message", new { text = "hi", user_id = "forged" }).AssertReplyAsync("ok", new { });
        await ann.AssertBroadcastAsync("message", new { text = "hi", user_id = "ann" });
        await ann.AssertPushAsync("message", new { text = "hi", user_id = "ann" });
        await bob.AssertPushAsync("message", new { text = "hi", user_id = "ann" });
    }

    [Fact]
    public async Task A_binary_message_goes_to_all_as_it_is()
    {
        var ann = await JoinAsync("ann");
        var bob = await JoinAsync("bob");
        await ann.Push("message", new byte[] { 1, 2, 255 }).AssertReplyAsync("ok", new { });
        await bob.AssertPushAsync("message", new byte[] { 1, 2, 255 });
    }

    [Fact]
    public async Task A_message_that_is_neither_object_nor_binary_is_rejected()
    {
        var ann = await JoinAsync("ann");
        await ann.Push("message", "text")
            .AssertReplyAsync("error", new { reason = "a message must be an object, or binary" });
        await ann.RefuteBroadcastAsync();
    }

    [Fact]
    public async Task Count_says_how_many_and_how_many_different()
    {
        var ann = await JoinAsync("ann");
        await JoinAsync("ann");
        await JoinAsync("bob");
        await ann.Push("count").AssertReplyAsync("ok", new { count = 3, keys = 2 });
    }

    [Fact]
    public async Task Leaving_and_dropping_untrack()
    {
        var ann = await JoinAsync("ann");
        var bob = await JoinAsync("bob");
        await ann.LeaveAsync();
        Assert.Equal(["bob"], Server.Node.Tracker.List("room:1").Select(entry => entry.Key));
        await bob.Socket.DropAsync();
        Assert.Empty(Server.Node.Tracker.List("room:1"));
    }

    [Fact]
    public async Task A_second_join_on_one_connection_replaces_the_first()
    {
        var socket = await SignedInAsync("ann");
        var first = await socket.SubscribeAndJoinAsync("room:1", new { meta = new { tab = 1 } });
        var second = await socket.SubscribeAndJoinAsync("room:1", new { meta = new { tab = 2 } });
        await first.AssertClosedAsync();
        Assert.Equal(TestChannelState.Joined, second.State);
        Assert.Contains("\"tab\":2", Meta("ann"), StringComparison.Ordinal);
    }

    private async Task<TestChannel> JoinAsync(string userId, object? parameters = null) =>
        await (await SignedInAsync(userId)).SubscribeAndJoinAsync("room:1", parameters);

    private string Meta(string key) =>
        Assert.Single(Server.Node.Tracker.List("room:1").GetByKey(key)).Meta.ToString();
}
