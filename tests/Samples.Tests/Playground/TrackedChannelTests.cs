namespace Presence.Samples.Tests.Playground;

public sealed class TrackedChannelTests : PlaygroundCase
{
    [Fact]
    public async Task Whoever_joins_is_tracked_under_the_user_s_id_with_the_time()
    {
        var since = Server.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var ann = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("tracked");
        var entry = Assert.Single(Server.Node.Tracker.List("tracked"));
        Assert.Equal("ann", entry.Key);
        Assert.Equal($$"""{"online_at":{{since}},"user_id":"ann"}""", entry.Meta.ToString());
        var state = await ann.AssertPushAsync("presence_state");
        Assert.Equal(
            since,
            state.Payload.ToElement().GetProperty("ann").GetProperty("metas")[0].GetProperty("online_at").GetInt64());
    }

    [Fact]
    public async Task Others_are_notified_of_joins_and_leaves_and_of_devices()
    {
        var ann = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("tracked");
        await ann.AssertPushAsync("presence_state");
        await Server.AdvanceAsync(TimeSpan.FromSeconds(1));
        var bob = await (await SignedInAsync("bob")).SubscribeAndJoinAsync("tracked");
        await Server.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(["bob"], Keys(await ann.AssertPushAsync("presence_diff"), "joins"));
        await bob.Socket.DropAsync();
        await Server.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(["bob"], Keys(await ann.AssertPushAsync("presence_diff"), "leaves"));
        Assert.Single(Server.Node.Tracker.List("tracked"));
    }

    private static IEnumerable<string> Keys(TestMessage diff, string side) =>
        diff.Payload.ToElement().GetProperty(side).EnumerateObject().Select(key => key.Name);
}
