using Presence.Samples;
using Presence.Samples.Playground;

namespace Presence.Samples.Tests.Playground;

/// <summary>A node with the sample sockets for each test.</summary>
public abstract class PlaygroundCase : IAsyncLifetime
{
    private protected ChannelTestServer Server { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Server = await ChannelTestServer.StartAsync(services => services.AddChannels(channels => channels
            .AddPlayground().Socket<AnyoneSocket>(routes => routes.AddPlayground())));

    public async Task DisposeAsync() => await Server.DisposeAsync();

    private protected string Token(string userId, string purpose = UserSocket.TokenPurpose) =>
        Server.Services.GetRequiredService<SocketTokens>().Create(purpose, userId, UserSocket.TokenLifetime);

    private protected Task<TestSocket> AnybodyAsync() => Server.ConnectAsync<AnyoneSocket>();

    private protected Task<TestSocket> SignedInAsync(string userId) =>
        Server.ConnectAsync<UserSocket>(new { token = Token(userId) });

    private protected async Task<TestChannel> JoinedAsync(string topic) =>
        await (await AnybodyAsync()).SubscribeAndJoinAsync(topic);
}
