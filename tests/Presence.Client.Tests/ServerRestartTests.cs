using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;

namespace Presence.Client.Tests;

/// <summary>A client whose server stops and starts again at its address, beside a node that stays.</summary>
public sealed class ServerRestartTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly InMemoryCluster _cluster = new();
    private readonly EphemeralDataProtectionProvider _keys = new();
    private WebApplication _observer = null!;
    private WebApplication _server = null!;

    public async Task InitializeAsync()
    {
        _observer = await StartAsync("observer", 0);
        _server = await StartAsync("server", 0);
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _observer.DisposeAsync();
    }

    [Fact]
    public async Task Client_resumes_its_session_after_a_restart_and_nobody_sees_it_leave()
    {
        var seen = System.Threading.Channels.Channel.CreateUnbounded<string>();
        using var subscription = Node(_observer).Tracker.Subscribe("kept:1", diff =>
        {
            foreach (var change in diff.Changes)
            {
                seen.Writer.TryWrite($"{change.Kind} {change.Entry.Key}");
            }
        });
        var port = new Uri(_server.Urls.First()).Port;
        var joins = System.Threading.Channels.Channel.CreateUnbounded<bool>();
        await using var socket = new ReconnectingSocket(
            new Uri($"http://127.0.0.1:{port}/socket"),
            delay: new ReconnectDelay { Max = TimeSpan.FromMilliseconds(500) });
        var channel = socket.Join("kept:1", () => new { key = "ann" }, c => c.Changed = changed =>
        {
            if (changed.State == ChannelState.Joined)
            {
                joins.Writer.TryWrite(changed.IsResumed);
            }
        });
        var presences = new PresenceSync(channel);
        Assert.False(await NextAsync(joins.Reader));
        Assert.Equal("Joined ann", await NextAsync(seen.Reader));

        await _server.StopAsync();
        await _server.DisposeAsync();
        _server = await StartAsync("server again", port);
        Assert.True(await NextAsync(joins.Reader));
        Assert.Equal(7, (await channel.PushAsync("echo", new { n = 7 })).GetProperty("n").GetInt32());
        var other = Node(_observer).OpenSession();
        await Node(_observer).Tracker.TrackAsync(other, "kept:1", "bob");
        Assert.Equal("Joined bob", await NextAsync(seen.Reader));

        await channel.LeaveAsync();
        Assert.Equal("Left ann", await NextAsync(seen.Reader));
        Assert.Contains(presences.List(), person => person.Key == "ann");
    }

    [Fact]
    public async Task Client_asks_for_options_before_each_attempt_and_refuses_messages_that_are_too_large()
    {
        var attempts = 0;
        await using var socket = new ReconnectingSocket(
            new Uri($"{_server.Urls.First()}/socket"),
            _ => attempts++ == 0
                ? throw new InvalidOperationException("no token yet")
                : Task.FromResult(new PhoenixOptions { MaxMessageBytes = 5000 }));
        var channel = socket.Join("kept:1", () => new { key = "ann" });
        await channel.JoinedAsync().WaitAsync(Timeout);
        Assert.Equal(2, attempts);
        await channel.PushAsync("echo", new { text = new string('x', 100) });
        var error = await Assert.ThrowsAsync<PhoenixException>(
            () => channel.PushAsync("echo", new { text = new string('x', 6000) }));
        Assert.Contains("more than 5000 bytes", error.Message);
        await channel.JoinedAsync().WaitAsync(Timeout);
    }

    private static async Task<T> NextAsync<T>(System.Threading.Channels.ChannelReader<T> reader) =>
        await reader.ReadAsync().AsTask().WaitAsync(Timeout);

    private static IPresenceNode Node(WebApplication app) => app.Services.GetRequiredService<IPresenceNode>();

    private async Task<WebApplication> StartAsync(string name, int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(_cluster.CreateTransport(name));
        builder.Services.AddPresence(options => options.NodeName = name);
        builder.Services.AddSingleton<IDataProtectionProvider>(_keys);
        builder.Services.AddChannels(channels => channels.Socket<OpenSocket>(socket => socket
            .Channel<KeptChannel>("kept:*", route => route.Grace = TimeSpan.FromMinutes(1))));
        builder.Services.AddSingleton<IDataProtectionProvider>(_keys);
        var app = builder.Build();
        app.MapSocket<OpenSocket>("/socket");
        await app.StartAsync();
        return app;
    }

    private sealed class OpenSocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
            new(ConnectResult.Accepted);
    }

    private sealed class KeptChannel : Channel
    {
        protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            PushPresence();
            await TrackAsync(payload.ToElement().GetProperty("key").GetString()!);
            return JoinResult.Ok();
        }

        protected override ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) =>
            new(ChannelResult.Ok(payload));
    }
}
