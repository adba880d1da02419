using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Channels;
using Presence.Node;

namespace Presence.Client.Tests;

/// <summary>A topic for which the server sends counts while it is large.</summary>
public sealed class LargeTopicTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private WebApplication _server = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        builder.Services.AddPresence(options => options.Tracker.AddAdaptive(
            "large", members: 3, sample: 2, every: TimeSpan.FromMilliseconds(100)));
        builder.Services.AddChannels(channels => channels.Socket<OpenSocket>(
            socket => socket.Channel<ViewChannel>("large")));
        _server = builder.Build();
        _server.MapSocket<OpenSocket>("/socket");
        await _server.StartAsync();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Client_has_counts_and_pages_while_the_topic_is_large_and_members_again_after_it()
    {
        var node = _server.Services.GetRequiredService<IPresenceNode>();
        var session = node.OpenSession();
        foreach (var key in new[] { "ann", "bob", "cid", "dan", "eve" })
        {
            await node.Tracker.TrackAsync(session, "large", key);
        }

        var seen = System.Threading.Channels.Channel.CreateUnbounded<string>();
        PresenceSync? sync = null;
        await using var socket = new ReconnectingSocket(new Uri($"{_server.Urls.First()}/socket"));
        socket.Join("large", listen: channel => sync = new PresenceSync(
            channel,
            change => seen.Writer.TryWrite($"{change.Kind} {change.Key}"),
            counts => seen.Writer.TryWrite(counts is null
                ? "no counts"
                : $"{counts.Count} {counts.Keys} {counts.Exact}: {Keys(counts.Sample)}")));
        await sync!.SyncedAsync().WaitAsync(Timeout);
        Assert.Equal("5 5 True: ann bob", await NextAsync());
        var page = await sync.PageAsync("bob", 2);
        Assert.Equal(("cid dan", "dan"), (Keys(page.Presences), page.Next));
        Assert.Null((await sync.PageAsync(page.Next)).Next);

        await node.Tracker.UntrackAsync(session, "large", "ann");
        await node.Tracker.UntrackAsync(session, "large", "bob");
        await node.Tracker.UntrackAsync(session, "large", "cid");
        while (await NextAsync() != "no counts")
        {
        }

        Assert.Equal("Present dan", await NextAsync());
        Assert.Equal("Present eve", await NextAsync());
        Assert.Equal("dan eve", Keys(sync.List()));

        async Task<string> NextAsync() => await seen.Reader.ReadAsync().AsTask().WaitAsync(Timeout);
    }

    private static string Keys(
        IEnumerable<(string Key, IReadOnlyList<System.Text.Json.JsonElement> Metas)> presences) =>
        string.Join(' ', presences.Select(presence => presence.Key));

    private sealed class OpenSocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
            new(ConnectResult.Accepted);
    }

    private sealed class ViewChannel : Channel
    {
        protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            PushPresence();
            return new(JoinResult.Ok());
        }
    }
}
