using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Channels.Runtime;
using Presence.Channels.Tests.Presences;

namespace Presence.Channels.Tests.Transport;

/// <summary>A web server on a free port of this machine, with the channels of the tests.</summary>
internal sealed class WebHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private WebHost(WebApplication app) => _app = app;

    public IServiceProvider Services => _app.Services;

    public System.Threading.Channels.Channel<string> MetasHeard =>
        Services.GetRequiredService<System.Threading.Channels.Channel<string>>();

    public ChannelServer Server => Services.GetRequiredService<ChannelServer>();

    public Uri Address =>
        new(Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public static Task<WebHost> StartAsync(Action<ChannelLimits>? limit = null, params string[] settings) =>
        StartAsync("n1", null, limit, settings);

    public static Task<WebHost> StartAsync(
        string name, InMemoryCluster? cluster, Action<ChannelLimits>? limit = null, params string[] settings) =>
        StartAsync(name, cluster, _ => { }, limit, settings);

    public static async Task<WebHost> StartAsync(
        string name,
        InMemoryCluster? cluster,
        Action<WebApplicationBuilder> change,
        Action<ChannelLimits>? limit = null,
        params string[] settings)
    {
        var builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0", .. settings]);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton((cluster ?? new InMemoryCluster()).CreateTransport(name));
        builder.Services.AddPresence(options => options.NodeName = name);
        builder.Services.AddSingleton(new Journal());
        builder.Services.AddSingleton(System.Threading.Channels.Channel.CreateUnbounded<string>());
        builder.Services.AddChannels(channels => channels
            .Presence<RecordingPresence>("metas:*")
            .Socket<TokenSocket>(
                s => s.Channel<EchoChannel>("echo").Channel<RoomChannel>("room:*").Channel<WatchChannel>("watch:*"))
            .Socket<OpenDoorSocket>(s => s
                .Channel<EchoChannel>("echo:*").Channel<RoomChannel>("room:*").Channel<WatchChannel>("watch:*")));
        builder.Services.Configure<ChannelLimits>(limits => limit?.Invoke(limits));
        change(builder);
        var app = builder.Build();
        app.MapSocket<TokenSocket>("/socket");
        app.MapSocket<OpenDoorSocket>("/open");
        await app.StartAsync();
        return new WebHost(app);
    }

    public async Task<ClientWebSocket> ConnectAsync(
        string pathAndQuery, Action<ClientWebSocketOptions>? configure = null)
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        configure?.Invoke(socket.Options);
        try
        {
            await socket.ConnectAsync(
                new UriBuilder(new Uri(Address, pathAndQuery)) { Scheme = "ws" }.Uri,
                new CancellationTokenSource(TestClient.Timeout).Token);
        }
        catch (WebSocketException) when (socket.HttpStatusCode != 0)
        {
            // The test checks the status.
        }

        return socket;
    }

    public Task StopAsync() => _app.StopAsync();
    public ValueTask DisposeAsync() => _app.DisposeAsync();
}

/// <summary>Accepts tokens of its own purpose.</summary>
internal sealed class TokenSocket(SocketTokens tokens) : PresenceSocket
{
    public override string? Id => Assigns.TryGetValue("user_id", out var user) ? $"user:{user}" : null;

    protected internal override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect)
    {
        if (connect.Parameter("crash") is not null)
        {
            throw new InvalidOperationException("as asked");
        }

        if (tokens.Read("socket", connect.Token) is not { } token)
        {
            return new(ConnectResult.Rejected);
        }

        Assigns["user_id"] = token.UserId;
        Token = connect.Parameter("ends") is null ? null : token;
        return new(ConnectResult.Accepted);
    }

    protected internal override ValueTask<SocketToken?> RenewAsync(string accessToken) =>
        new(tokens.Read("socket", accessToken));
}

internal sealed class OpenDoorSocket : PresenceSocket
{
    protected internal override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
        new(ConnectResult.Accepted);
}

internal static class WebSocketSteps
{
    public static Task SendAsync(this WebSocket socket, string text) =>
        socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);

    public static async Task<string> NextAsync(this WebSocket socket)
    {
        using var timeout = new CancellationTokenSource(TestClient.Timeout);
        var buffer = new byte[1 << 20];
        var length = 0;
        while (true)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), timeout.Token);
            length += read.Count;
            if (read.MessageType == WebSocketMessageType.Close)
            {
                return $"closed {(int)socket.CloseStatus!}";
            }

            if (read.EndOfMessage)
            {
                return Encoding.UTF8.GetString(buffer, 0, length);
            }
        }
    }
}
