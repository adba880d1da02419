using Presence.Samples.Playground;
namespace Presence.Samples.Tests.Playground;

public sealed class RecurringChannelTests : PlaygroundCase
{
    [Fact]
    public async Task A_token_comes_every_five_seconds()
    {
        var channel = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("recurring");
        await Server.AdvanceAsync(TimeSpan.FromSeconds(4.999));
        await channel.RefutePushAsync();
        await Server.AdvanceAsync(TimeSpan.FromMilliseconds(1));
        await channel.AssertPushAsync("new_token");
        await Server.AdvanceAsync(TimeSpan.FromSeconds(15));
        Assert.Equal(3, channel.Received.Count);
    }

    [Fact]
    public async Task A_token_that_came_lets_the_same_user_connect_when_the_first_has_expired()
    {
        var channel = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("recurring");
        await Server.AdvanceAsync(RecurringChannel.Period);
        var message = await channel.AssertPushAsync("new_token");
        var token = message.Payload.ToElement().GetProperty("token").GetString();
        Server.Clock.Advance(UserSocket.TokenLifetime - TimeSpan.FromSeconds(1));
        var again = await Server.ConnectAsync<UserSocket>(new { token });
        Assert.Equal("auth_socket:ann", again.Id);
    }

    [Fact]
    public async Task Nothing_comes_after_the_client_has_left()
    {
        var channel = await (await SignedInAsync("ann")).SubscribeAndJoinAsync("recurring");
        await channel.LeaveAsync();
        await Server.AdvanceAsync(TimeSpan.FromMinutes(1));
        await channel.RefutePushAsync();
    }
}
