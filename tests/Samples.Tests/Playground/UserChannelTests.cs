using Presence.Samples.Playground;
namespace Presence.Samples.Tests.Playground;

public sealed class UserChannelTests : PlaygroundCase
{
    [Fact]
    public async Task A_user_joins_the_own_topic_and_no_other()
    {
        var ann = await SignedInAsync("ann");
        Assert.Equal("ok {}", (await ann.JoinAsync("user:ann")).Reply.ToString());
        foreach (var other in new[] { "user:bob", "user:ann2", "user:", "user:ANN" })
        {
            Assert.Equal("""error {"reason":"unauthorized"}""", (await ann.JoinAsync(other)).Reply.ToString());
        }
    }

    [Fact]
    public async Task What_is_broadcast_to_a_user_reaches_all_devices_and_nobody_else()
    {
        var desk = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("user:ann");
        var phone = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("user:ann");
        var bob = await (await SignedInAsync("bob")).SubscribeAndJoinAsync("user:bob");
        Server.Broadcaster.Broadcast("user:ann", "note", new { text = "hello" });
        await desk.AssertPushAsync("note", new { text = "hello" });
        await phone.AssertPushAsync("note", new { text = "hello" });
        await bob.RefutePushAsync();
    }
}
