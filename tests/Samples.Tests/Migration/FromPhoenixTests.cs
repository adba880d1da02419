using Presence.Harness;

namespace Presence.Samples.Tests.Migration;

public sealed class FromPhoenixTests
{
    [Fact]
    public void Guide_has_the_code_that_runs_here() =>
        GuideCode.MustBeIn("migration/from-phoenix.md", "FromPhoenix.cs");

    [Fact]
    public async Task Room_of_the_guide_does_what_its_Phoenix_original_does()
    {
        await using var server = await ChannelTestServer.StartAsync(services => services.AddChannels(
            channels => channels.Socket<UserSocket>(socket => socket.Channel<RoomChannel>("room:*"))));
        var tokens = server.Services.GetRequiredService<SocketTokens>();
        Task<TestSocket> ConnectAsync(string user) => server.ConnectAsync<UserSocket>(
            new { token = tokens.Create("user socket", user, TimeSpan.FromDays(1)) });

        Assert.Null(await server.TryConnectAsync<UserSocket>(new { token = "forged" }));
        var socket = await ConnectAsync("ann");
        Assert.Equal("user_socket:ann", socket.Id);
        var ann = await socket.SubscribeAndJoinAsync("room:lobby");
        var state = (await ann.AssertPushAsync("presence_state")).Payload.ToElement();
        var meta = state.GetProperty("ann").GetProperty("metas")[0];
        Assert.Equal(server.Clock.GetUtcNow().ToUnixTimeSeconds(), meta.GetProperty("online_at").GetInt64());

        var bob = await (await ConnectAsync("bob")).SubscribeAndJoinAsync("room:lobby");
        bob.Push("new_msg", new { body = "hi" });
        await ann.AssertBroadcastAsync("new_msg", new { body = "hi" });
        await server.AdvanceAsync(TimeSpan.FromSeconds(1));
        var diff = (await ann.AssertPushAsync("presence_diff")).Payload.ToElement();
        Assert.True(diff.GetProperty("joins").TryGetProperty("bob", out _));
    }
}
