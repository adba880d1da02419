using System.Net.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node;

namespace Presence.Channels.Tests.Transport;

public sealed class SessionMessageTests : IAsyncLifetime
{
    private static readonly SessionMessage Hello = SessionMessage.From("hello", new { n = 1 });

    private WebHost _host = null!;

    private IPresenceTracker Tracker => _host.Services.GetRequiredService<IPresenceTracker>();

    public async Task InitializeAsync() => _host = await WebHost.StartAsync();

    public Task DisposeAsync() => _host.DisposeAsync().AsTask();

    [Fact]
    public async Task Channel_pushes_a_message_for_its_key_to_its_client_until_it_leaves()
    {
        using var ann = await _host.ConnectAsync("/open/websocket?vsn=2.0.0");
        await ann.SendAsync("""["1","1","room:a","phx_join",{"key":"ann"}]""");
        await NextAsync(ann, "presence_state");
        Assert.Equal(SendToKeyResult.Accepted, await Tracker.SendToKeyAsync("ann", Hello));
        Assert.Equal("""["1",null,"room:a","hello",{"n":1}]""", await NextAsync(ann, "hello"));
        Assert.Equal(
            SendToKeyResult.NotAccepted, await Tracker.SendToKeyAsync("ann", SessionMessage.From("phx_close", 1)));
        await ann.SendAsync("""["1","2","room:a","phx_leave",{}]""");
        await NextAsync(ann, "phx_close");
        Assert.Equal(SendToKeyResult.NotPresent, await Tracker.SendToKeyAsync("ann", Hello));
    }

    private static async Task<string> NextAsync(WebSocket socket, string name)
    {
        while (true)
        {
            var frame = await socket.NextAsync();
            Assert.DoesNotContain("closed", frame);
            if (frame.Contains($"\"{name}\"", StringComparison.Ordinal))
            {
                return frame;
            }
        }
    }
}
