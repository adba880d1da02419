using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using WebHost = Presence.Channels.Tests.Transport.WebHost;

namespace Presence.Channels.Tests.Sessions;

/// <summary>Clients that lose their connection and resume their presences, on one node and on another.</summary>
public sealed class ResumeTests : IAsyncLifetime
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    private readonly InMemoryCluster _cluster = new();
    private readonly EphemeralDataProtectionProvider _keys = new();
    private readonly List<WebHost> _hosts = [];
    private readonly List<Client> _clients = [];

    public async Task InitializeAsync()
    {
        await StartAsync("n1");
        await StartAsync("n2");
    }

    public async Task DisposeAsync()
    {
        _clients.ForEach(client => client.Drop());
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Reload_within_the_grace_is_seen_by_nobody(int node)
    {
        var observer = await WatchAsync(1);
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann","meta":{"color":"red"}}""");
        Assert.False(first.TryGetProperty("resumed", out _));
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
        ann.Drop();

        var again = await ConnectAsync(node);
        var reply = await again.JoinAsync("kept:1", Resume(first, "\"key\":\"ann\",\"meta\":{\"color\":\"red\"}"));
        Assert.True(reply.GetProperty("resumed").GetBoolean());
        var eve = await ConnectAsync(0);
        await eve.JoinAsync("kept:1", """{"key":"eve"}""");
        var next = await observer.NextAsync();
        Assert.Contains("\"joins\":{\"eve\"", next);
        Assert.DoesNotContain("ann", next);
        await again.LeaveAsync("kept:1");
        Assert.Contains("\"leaves\":{\"ann\"", await observer.NextAsync());
    }

    [Fact]
    public async Task Changed_metadata_of_a_resumed_join_are_one_update()
    {
        var observer = await WatchAsync(1);
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann","meta":{"color":"red"}}""");
        var shown = Ref(await observer.NextAsync());
        ann.Drop();
        var again = await ConnectAsync(1);
        await again.JoinAsync("kept:1", Resume(first, "\"key\":\"ann\",\"meta\":{\"color\":\"blue\"}"));
        using var diff = JsonDocument.Parse(await observer.NextAsync());
        var (joins, leaves) = (diff.RootElement[4].GetProperty("joins"), diff.RootElement[4].GetProperty("leaves"));
        var meta = joins.GetProperty("ann").GetProperty("metas")[0];
        Assert.Equal("blue", meta.GetProperty("color").GetString());
        Assert.Equal(shown, meta.GetProperty("phx_ref_prev").GetString());
        Assert.NotEqual(shown, meta.GetProperty("phx_ref").GetString());
        Assert.Equal(shown, leaves.GetProperty("ann").GetProperty("metas")[0].GetProperty("phx_ref").GetString());
    }

    [Fact]
    public async Task Client_that_does_not_resume_leaves_after_the_grace()
    {
        var observer = await WatchAsync(1, "brief:1");
        var ann = await ConnectAsync(0);
        await ann.JoinAsync("brief:1", """{"key":"ann"}""");
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
        ann.Drop();
        Assert.Contains("\"leaves\":{\"ann\"", await observer.NextAsync());
    }

    [Fact]
    public async Task Client_that_leaves_is_gone_at_once_and_cannot_resume()
    {
        var observer = await WatchAsync(1);
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann"}""");
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
        await ann.LeaveAsync("kept:1");
        Assert.Contains("\"leaves\":{\"ann\"", await observer.NextAsync());
        var reply = await (await ConnectAsync(0)).JoinAsync("kept:1", Resume(first, "\"key\":\"ann\""));
        Assert.False(reply.GetProperty("resumed").GetBoolean());
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Connection_whose_session_was_resumed_is_notified_and_closed_without_an_error(int node)
    {
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann"}""");
        var again = await ConnectAsync(node);
        await again.JoinAsync("kept:1", Resume(first, "\"key\":\"ann\""));
        Assert.Equal("""["1",null,"kept:1","presence_superseded",{}]""", await ann.NextAsync());
        Assert.Equal("""["1","1","kept:1","phx_close",{}]""", await ann.NextAsync());
    }

    [Fact]
    public async Task Same_connection_may_join_again_with_its_token()
    {
        var observer = await WatchAsync(1);
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann"}""");
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
        var reply = await ann.JoinAsync("kept:1", Resume(first, "\"key\":\"ann\""));
        Assert.True(reply.GetProperty("resumed").GetBoolean());

        // Without the token the earlier session ends.
        await ann.JoinAsync("kept:1", """{"key":"ann2"}""");
        var diffs = await observer.NextAsync();
        if (!diffs.Contains("ann2", StringComparison.Ordinal)
            || !diffs.Contains("\"leaves\":{\"ann\"", StringComparison.Ordinal))
        {
            diffs += await observer.NextAsync();
        }

        Assert.Contains("\"joins\":{\"ann2\"", diffs);
        Assert.Contains("\"leaves\":{\"ann\"", diffs);
    }

    [Theory]
    [InlineData("\"forged\"")]
    [InlineData("\"\"")]
    [InlineData("7")]
    [InlineData("{\"a\":1}")]
    public async Task Malformed_token_gives_a_new_session(string token)
    {
        var ann = await ConnectAsync(0);
        var reply = await ann.JoinAsync("kept:1", $$"""{"key":"ann","resume":{{token}}}""");
        Assert.False(reply.GetProperty("resumed").GetBoolean());
        Assert.NotEmpty(reply.GetProperty("resume").GetString()!);
    }

    [Fact]
    public async Task Token_is_of_one_topic_and_one_user()
    {
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann"}""");
        ann.Drop();
        var other = await (await ConnectAsync(0)).JoinAsync("kept:2", Resume(first, "\"key\":\"ann\""));
        Assert.False(other.GetProperty("resumed").GetBoolean());
        var bob = await (await ConnectAsync(0, "bob")).JoinAsync("kept:1", Resume(first, "\"key\":\"ann\""));
        Assert.False(bob.GetProperty("resumed").GetBoolean());
        var again = await (await ConnectAsync(0)).JoinAsync("kept:1", Resume(first, "\"key\":\"ann\""));
        Assert.True(again.GetProperty("resumed").GetBoolean());
    }

    [Fact]
    public async Task Rejected_resume_ends_the_session()
    {
        var observer = await WatchAsync(1);
        var ann = await ConnectAsync(0);
        var first = await ann.JoinAsync("kept:1", """{"key":"ann"}""");
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
        ann.Drop();
        var again = await ConnectAsync(1);
        var answer = await again.RequestAsync("kept:1", "phx_join", Resume(first, "\"key\":\"ann\",\"reject\":true"));
        Assert.Equal("error", answer.GetProperty("status").GetString());
        Assert.Contains("\"leaves\":{\"ann\"", await observer.NextAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Disconnected_user_leaves_at_once(bool isDetached)
    {
        var observer = await WatchAsync(1, id: "bob");
        var ann = await ConnectAsync(0);
        await ann.JoinAsync("kept:1", """{"key":"ann"}""");
        Assert.Contains("\"joins\":{\"ann\"", await observer.NextAsync());
        if (isDetached)
        {
            ann.Drop();
            using var timeout = new CancellationTokenSource(TestClient.Timeout);
            while (_hosts[0].Server.Sockets.Count > 0)
            {
                timeout.Token.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }

        _hosts[1].Server.Broadcaster.Disconnect("user:ann");
        Assert.Contains("\"leaves\":{\"ann\"", await observer.NextAsync());
    }

    private static string Resume(JsonElement reply, string more) =>
        $$"""{"resume":"{{reply.GetProperty("resume").GetString()}}",{{more}}}""";

    private static string Ref(string diff)
    {
        using var frame = JsonDocument.Parse(diff);
        return frame.RootElement[4].GetProperty("joins").EnumerateObject().Single().Value
            .GetProperty("metas")[0].GetProperty("phx_ref").GetString()!;
    }

    private async Task StartAsync(string name) => _hosts.Add(await WebHost.StartAsync(name, _cluster, builder =>
    {
        builder.Services.AddSingleton<IDataProtectionProvider>(_keys);
        builder.Services.AddChannels(channels => channels.Socket<TokenSocket>(routes => routes
            .Channel<KeptChannel>("kept:*", route => route.Grace = Long)
            .Channel<KeptChannel>("brief:*", route => route.Grace = TimeSpan.FromMilliseconds(200))));
    }));

    private async Task<Client> ConnectAsync(int node, string user = "ann")
    {
        var token = _hosts[node].Services.GetRequiredService<SocketTokens>().Create("socket", user, Long);
        var client = new Client(
            await _hosts[node].ConnectAsync($"/socket/websocket?vsn=2.0.0&token={Uri.EscapeDataString(token)}"));
        _clients.Add(client);
        return client;
    }

    /// <summary>Joins without a presence and takes the state.</summary>
    private async Task<Client> WatchAsync(int node, string topic = "kept:1", string id = "watcher")
    {
        var client = await ConnectAsync(node, id);
        await client.JoinAsync(topic, "{}");
        Assert.Contains("presence_state", await client.NextAsync());
        return client;
    }

    /// <summary>Tracks the key of the join parameters, if there is one, and rejects on request.</summary>
    private sealed class KeptChannel : Channel
    {
        protected internal override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
        {
            var parameters = payload.ToElement();
            if (parameters.TryGetProperty("reject", out _))
            {
                return JoinResult.Error();
            }

            if (!parameters.TryGetProperty("key", out var key))
            {
                PushPresence();
                return JoinResult.Ok();
            }

            var meta = parameters.TryGetProperty("meta", out var given)
                ? PresenceMeta.Parse(given.GetRawText())
                : default;
            await TrackAsync(key.GetString()!, meta);
            return JoinResult.Ok(new { joined = Resumed ? "again" : "anew" });
        }
    }

    private sealed class Client(ClientWebSocket socket)
    {
        private int _refs;

        public Task<string> NextAsync() => socket.NextAsync();

        public async Task<JsonElement> JoinAsync(string topic, string payload)
        {
            var answer = await RequestAsync(topic, "phx_join", payload);
            Assert.Equal("ok", answer.GetProperty("status").GetString());
            return answer.GetProperty("response");
        }

        public async Task LeaveAsync(string topic)
        {
            Assert.Equal("ok", (await RequestAsync(topic, "phx_leave", "{}")).GetProperty("status").GetString());
        }

        /// <summary>Sends a frame and returns its answer; frames before it are dropped.</summary>
        public async Task<JsonElement> RequestAsync(string topic, string name, string payload)
        {
            var reference = $"{++_refs}";
            await socket.SendAsync($"""[null,"{reference}","{topic}","{name}",{payload}]""".Replace(
                "[null,", name == "phx_join" ? $"[\"{reference}\"," : "[null,", StringComparison.Ordinal));
            while (true)
            {
                using var frame = JsonDocument.Parse(await NextAsync());
                if (frame.RootElement[1].ValueKind == JsonValueKind.String
                    && frame.RootElement[1].GetString() == reference
                    && frame.RootElement[3].GetString() == "phx_reply")
                {
                    return frame.RootElement[4].Clone();
                }
            }
        }

        public void Drop() => socket.Abort();
    }
}
