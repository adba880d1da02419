using Presence.Samples.Playground;
namespace Presence.Samples.Tests.Playground;

public sealed class UserSocketTests : PlaygroundCase
{
    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public async Task Whoever_holds_a_token_connects_as_the_user_it_names(string userId)
    {
        var socket = await Server.ConnectAsync<UserSocket>(new { token = Token(userId) });
        Assert.Equal($"auth_socket:{userId}", socket.Id);
        Assert.Equal(userId, socket.Assigns["user_id"]);
    }

    [Fact]
    public async Task The_token_may_come_as_the_client_s_auth_token()
    {
        var socket = await Server.ConnectAsync<UserSocket>(authToken: Token("1"));
        Assert.Equal("auth_socket:1", socket.Id);
    }

    [Fact]
    public async Task A_token_for_another_purpose_is_rejected()
    {
        Assert.Null(await Server.TryConnectAsync<UserSocket>(new { token = Token("1", purpose: "invalid") }));
        Assert.Contains(
            Server.Log,
            entry => entry.Message == "A client was rejected: the token is forged, expired or for another purpose");
    }

    [Fact]
    public async Task Without_a_token_nobody_connects()
    {
        Assert.Null(await Server.TryConnectAsync<UserSocket>());
        Assert.Contains(Server.Log, entry => entry.Message == "A client was rejected: no token");
    }

    [Fact]
    public async Task A_made_up_token_is_rejected() =>
        Assert.Null(await Server.TryConnectAsync<UserSocket>(new { token = "nonsense" }));

    [Fact]
    public async Task A_token_is_good_for_its_lifetime_and_no_longer()
    {
        var token = Token("1");
        await Server.AdvanceAsync(UserSocket.TokenLifetime - TimeSpan.FromSeconds(1));
        Assert.NotNull(await Server.TryConnectAsync<UserSocket>(new { token }));
        await Server.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Null(await Server.TryConnectAsync<UserSocket>(new { token }));
    }

    [Fact]
    public async Task A_user_can_be_disconnected_by_the_socket_s_id()
    {
        var ann = await SignedInAsync("ann");
        var bob = await SignedInAsync("bob");
        Server.Broadcaster.Disconnect("auth_socket:ann");
        await ann.AssertClosedAsync(1001);
        Assert.True(bob.IsOpen);
    }
}
