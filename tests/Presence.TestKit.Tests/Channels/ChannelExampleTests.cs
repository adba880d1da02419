using Microsoft.Extensions.DependencyInjection;

namespace Presence.TestKit.Tests.Channels;

public sealed class ChannelExampleTests
{
    [Fact]
    public async Task Readme_example_works()
    {
        // <readme>
        await using var server = await ChannelTestServer.StartAsync(
            services => services.AddChannels(channels => channels
                .Socket<DoorSocket>(routes => routes.Channel<ChatChannel>("chat:*"))));
        Assert.Null(await server.TryConnectAsync<DoorSocket>(new { name = "" }));

        var socket = await server.ConnectAsync<DoorSocket>(new { name = "ann" });
        Assert.Equal("ann", socket.Assigns["name"]);
        var ann = await socket.SubscribeAndJoinAsync("chat:1");
        await ann.AssertPushAsync("presence_state");

        // A push, its reply and its broadcast.
        await ann.Push("say", new { text = "hi" }).AssertReplyAsync("ok", new { });
        await ann.AssertBroadcastAsync("said", new { by = "ann", text = "hi" });

        // Hours pass at once; a refuted message cannot arrive unless the clock is moved.
        await server.AdvanceAsync(TimeSpan.FromMinutes(9));
        await ann.RefutePushAsync("are_you_there");
        await server.AdvanceAsync(TimeSpan.FromMinutes(1));
        await ann.AssertPushAsync("are_you_there");
        Assert.Equal(1, ann.As<ChatChannel>().Asked);

        // A channel that throws fails alone, and its presences leave.
        ann.Push("no such thing");
        Assert.IsType<NotSupportedException>(await ann.AssertFailedAsync());
        Assert.Empty(server.Node.Tracker.List("chat:1"));
        Assert.True(socket.IsOpen);
        // </readme>
    }

    [Fact]
    public void Readme_example_is_the_compiled_one() => ReadmeExample.IsCompiled(ReadmeExample.ThisFile());

    private sealed class DoorSocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect)
        {
            Assigns["name"] = connect.Parameter("name");
            return new(connect.Parameter("name") is { Length: > 0 } ? ConnectResult.Accepted : ConnectResult.Rejected);
        }
    }

    private sealed class ChatChannel : Channel
    {
        public int Asked { get; private set; }

        private string Name => (string)Socket.Assigns["name"]!;

        protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            await TrackAsync(Name, PresenceMeta.From(new { typing = false }));
            PushPresence();
            SendAfter("ask", TimeSpan.FromMinutes(10));
            return JoinResult.Ok();
        }

        protected override ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
        {
            if (name != "say")
            {
                throw new NotSupportedException(name);
            }

            Broadcast("said", new { by = Name, text = payload.ToElement().GetProperty("text").GetString() });
            return new(ChannelResult.Ok());
        }

        protected override ValueTask HandleInfoAsync(object message)
        {
            Asked++;
            Push("are_you_there");
            return default;
        }
    }
}
