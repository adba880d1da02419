using Microsoft.Extensions.DependencyInjection;

namespace Presence.TestKit.Tests.Channels;

public sealed class ChannelExampleTests
{
    [Fact]
    public async Task The_example_of_the_readme_does_what_it_says()
    {
        // <readme>
        await using var server = await ChannelTestServer.StartAsync(services => services.AddChannels(channels => channels
            .Socket<DoorSocket>(routes => routes.Channel<ChatChannel>("chat:*"))));
        Assert.Null(await server.TryConnectAsync<DoorSocket>(new { name = "" }));

        var socket = await server.ConnectAsync<DoorSocket>(new { name = "ann" });
        Assert.Equal("ann", socket.Assigns["name"]);
        var ann = await socket.SubscribeAndJoinAsync("chat:1");
        await ann.AssertPushAsync("presence_state");

        // What the client sends, what it is answered, what others are told.
        await ann.Push("say", new { text = "hi" }).AssertReplyAsync("ok", new { });
        await ann.AssertBroadcastAsync("said", new { by = "ann", text = "hi" });

        // Hours take no time; what is refuted here will not come unless the clock is moved.
        await server.AdvanceAsync(TimeSpan.FromMinutes(9));
        await ann.RefutePushAsync("are_you_there");
        await server.AdvanceAsync(TimeSpan.FromMinutes(1));
        await ann.AssertPushAsync("are_you_there");
        Assert.Equal(1, ann.As<ChatChannel>().Asked);

        // A channel that throws ends alone, and its presences with it.
        ann.Push("no such thing");
        Assert.IsType<NotSupportedException>(await ann.AssertCrashedAsync());
        Assert.Empty(server.Node.Tracker.List("chat:1"));
        Assert.True(socket.IsOpen);
        // </readme>
    }

    [Fact]
    public void The_example_of_the_readme_is_the_one_that_is_compiled() => ReadmeExample.IsCompiled(ReadmeExample.ThisFile());

    private sealed class DoorSocket : PresenceSocket
    {
        protected override ValueTask<ConnectResult> ConnectAsync(SocketConnect connect)
        {
            Assigns["name"] = connect.Parameter("name");
            return new(connect.Parameter("name") is { Length: > 0 } ? ConnectResult.Accept : ConnectResult.Refuse);
        }
    }

    private sealed class ChatChannel : Channel
    {
        public int Asked { get; private set; }

        private string Name => (string)Socket.Assigns["name"]!;

        protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            await TrackAsync(Name, PresenceMeta.From(new { typing = false }));
            ShowPresence();
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
