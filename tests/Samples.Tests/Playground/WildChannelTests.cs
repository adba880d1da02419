using Presence.Samples.Playground;
namespace Presence.Samples.Tests.Playground;

public sealed class WildChannelTests : PlaygroundCase
{
    [Theory]
    [InlineData("wild:2:4")]
    [InlineData("wild:0:0")]
    [InlineData("wild:-3:-6")]
    [InlineData("wild:9223372036854775807:18446744073709551614")]
    public async Task Whoever_knows_that_b_is_twice_a_may_join(string topic)
    {
        var channel = await JoinedAsync(topic);
        Assert.Equal(TestChannelState.Joined, channel.State);
    }

    [Theory]
    [InlineData("wild:1:3")]
    [InlineData("wild:1:2:3")]
    [InlineData("wild:1")]
    public async Task Other_numbers_are_rejected(string topic)
    {
        var join = await (await AnybodyAsync()).JoinAsync(topic);
        Assert.Equal("error {}", join.Reply.ToString());
    }

    [Theory]
    [InlineData("wild:invalid")]
    [InlineData("wild:1:b")]
    [InlineData("wild:")]
    [InlineData("wild:1.0:2.0")]
    public async Task What_is_no_number_crashes_the_join_and_only_the_join(string topic)
    {
        var socket = await AnybodyAsync();
        var stays = await socket.SubscribeAndJoinAsync("wild:2:4");
        var join = await socket.JoinAsync(topic);
        Assert.Equal("""error {"reason":"join crashed"}""", join.Reply.ToString());
        Assert.Contains(Server.Log, entry => entry.Exception is FormatException);
        await stays.Push("ping").AssertReplyAsync("ok");
    }

    [Fact]
    public async Task A_ping_is_answered_with_a_pong()
    {
        var channel = await JoinedAsync("wild:2:4");
        await channel.Push("ping").AssertReplyAsync("ok", new { ping = "pong" });
    }
}
