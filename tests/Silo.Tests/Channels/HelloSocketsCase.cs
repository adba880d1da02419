namespace Presence.Silo.Tests.Channels;

/// <summary>A member with the sample sockets for each test.</summary>
public abstract class HelloSocketsCase : IAsyncLifetime
{
    private protected ChannelTestServer Server { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Server = await ChannelTestServer.StartAsync(services => services.AddChannels(c => c.AddHelloSockets()));

    public async Task DisposeAsync() => await Server.DisposeAsync();

    private protected string Token(string userId, string purpose = UserSocket.TokenPurpose) =>
        Server.Services.GetRequiredService<SocketTokens>().Create(purpose, userId, UserSocket.TokenLifetime);

    private protected Task<TestSocket> AnybodyAsync() => Server.ConnectAsync<OpenSocket>();

    private protected Task<TestSocket> SignedInAsync(string userId) =>
        Server.ConnectAsync<UserSocket>(new { token = Token(userId) });

    private protected async Task<TestChannel> JoinedAsync(string topic) =>
        await (await AnybodyAsync()).SubscribeAndJoinAsync(topic);
}
