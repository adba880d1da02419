using System.Text.Json.Serialization;

namespace Presence.Channels.Tests.Sessions;

public sealed class ChannelEventsTests : IAsyncLifetime, IDisposable
{
    private readonly Harness _harness = new();
    private TestClient _client = null!;

    public async Task InitializeAsync()
    {
        _harness.Routes.Channel<TalkChannel>("talk");
        _client = _harness.Connect();
        await _client.JoinAsync("talk");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Event_calls_its_handler_with_the_payload_as_its_type()
    {
        await _client.OkAsync("""["1","2","talk","say",{"text":"hello","x":1}]""", """{"said":"hello","count":1}""");
        await _client.OkAsync("""["1","3","talk","say",{"text":"again"}]""", """{"said":"again","count":2}""");
        await _client.OkAsync("""["1","4","talk","shout",{"Text":"a"}]""", """{"said":"A"}""");
        await _client.OkAsync("""["1","5","talk","any",[1]]""", "[1]");
    }

    [Theory]
    [InlineData("""{"text":1}""", "$.text")]
    [InlineData("""{}""", "$")]
    [InlineData("""null""", "$")]
    [InlineData("""[]""", "$")]
    [InlineData("""{"text":"rude"}""", "$")]
    public async Task Payload_that_does_not_fit_is_an_error_and_the_channel_continues(string payload, string path)
    {
        await _client.SendAsync($$"""["1","2","talk","say",{{payload}}]""");
        Assert.EndsWith(
            $$$"""{"status":"error","response":{"reason":"invalid payload","path":"{{{path}}}"}}]""",
            await _client.NextAsync());
        Assert.Equal(1, _harness.Counted("presence.frames.dropped:invalid_payload"));
        await _client.OkAsync("""["1","3","talk","say",{"text":"hello"}]""", """{"said":"hello","count":1}""");
    }

    [Fact]
    public async Task Binary_payload_of_a_typed_event_is_an_error()
    {
        await _client.SendAsync(
            [0, 1, 1, 4, 3, .. "1"u8, .. "2"u8, .. "talk"u8, .. "say"u8, 0xff]);
        Assert.Contains("invalid payload", await _client.NextAsync());
    }

    [Fact]
    public Task Event_without_a_handler_is_unknown() =>
        _client.RejectedAsync("""["1","2","talk","other",{}]""", "unknown event");

    [Theory]
    [InlineData("any")]
    [InlineData("")]
    [InlineData("phx_join")]
    public void Event_that_exists_or_is_reserved_is_rejected(string name) => Assert.ThrowsAny<ArgumentException>(
        () => new ChannelEvents<TalkChannel>().On("any", Ok).On(name, Ok));

    private static ValueTask<ChannelResult> Ok(TalkChannel channel, ChannelPayload payload) => new(ChannelResult.Ok());
}

internal sealed class TalkChannel : Channel
{
    private static readonly ChannelEvents Handlers = new ChannelEvents<TalkChannel>()
        .On("say", TalkJson.Default.Saying, (channel, saying) => channel.Say(saying))
        .On<Saying>("shout", (_, saying) => new(ChannelResult.Ok(new { said = saying.Text.ToUpperInvariant() })))
        .On("any", (_, payload) => new(ChannelResult.Ok(payload)));

    protected internal override ChannelEvents Events => Handlers;

    protected internal override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        Assigns["count"] = 0;
        return new(JoinResult.Ok());
    }

    private ValueTask<ChannelResult> Say(Saying saying)
    {
        Assigns["count"] = (int)Assigns["count"]! + 1;
        return new(ChannelResult.Ok(new { said = saying.Text, count = Assigns["count"] }));
    }
}

internal sealed record Saying
{
    public required string Text
    {
        get;
        init => field = value != "rude" ? value : throw new ArgumentException("no rude words");
    }
}

[JsonSourceGenerationOptions(System.Text.Json.JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Saying))]
internal sealed partial class TalkJson : JsonSerializerContext;
