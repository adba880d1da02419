using System.Text;

namespace Presence.Client.Tests;

public sealed class PhoenixMessageTests
{
    [Fact]
    public async Task Bytes_are_pushed_as_a_binary_frame_and_a_binary_answer_completes_the_push()
    {
        var server = new ServerStub();
        var channel = await server.JoinedAsync();
        var pushing = channel.TryPushAsync("say", new byte[] { 1, 255 });
        Assert.Equal("00010101033132747361" + "7901FF", server.Sent[1]);

        server.Push([1, 1, 1, 1, 2, .. "12tok"u8, 9, 8]);
        var reply = await pushing;
        Assert.Equal("ok", reply.Status);
        Assert.Equal([9, 8], reply.Data!.Value.ToArray());
    }

    [Fact]
    public async Task Binary_pushes_and_broadcasts_are_received_with_their_bytes()
    {
        var received = new List<(string Event, byte[] Data)>();
        var server = new ServerStub();
        var channel = new PhoenixChannel(server.Socket, "t")
        {
            Received = m => received.Add((m.Event, m.Data!.Value.ToArray())),
        };
        var joining = channel.JoinAsync();
        server.Reply("1");
        await joining;
        server.Push([0, 1, 1, 3, .. "1tone"u8, 1]);
        server.Push([0, 1, 1, 3, .. "9tone"u8, 1]);
        server.Push([2, 1, 3, .. "ttwo"u8]);
        Assert.Equal(["one", "two"], received.Select(message => message.Event));
        Assert.Equal([[1], []], received.Select(message => message.Data));
    }

    [Theory]
    [InlineData("")]
    [InlineData("junk")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""["1","1","t","phx_reply"]""")]
    [InlineData("""["1","1","t","phx_reply",{"status":"ok"}]""")]
    [InlineData("""[1,"1","t","said",{}]""")]
    public void Invalid_text_throws(string text) =>
        Assert.Throws<PhoenixException>(() => PhoenixMessage.Decode(new(Encoding.UTF8.GetBytes(text), false)));

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("0001")]
    [InlineData("020505" + "74")]
    [InlineData("07010101" + "747474")]
    public void Invalid_bytes_throw(string hex) =>
        Assert.Throws<PhoenixException>(() => PhoenixMessage.Decode(new(Convert.FromHexString(hex), true)));

    [Fact]
    public void Text_is_sent_as_UTF8_and_received_however_deep_the_server_lets_it_be()
    {
        var frame = PhoenixMessage.Encode("1", "2", "東京", "say", new { Text = "日本語 <é>" });
        Assert.Equal("""["1","2","東京","say",{"text":"日本語 <é>"}]""", Encoding.UTF8.GetString(frame.Bytes.Span));
        var deep = new string('[', 70) + new string(']', 70);
        var text = $"[null,null,\"t\",\"presence_state\",{deep}]";
        Assert.Equal(deep, PhoenixMessage.Decode(new(Encoding.UTF8.GetBytes(text), false)).Payload.GetRawText());
    }

    [Fact]
    public void Names_in_a_binary_frame_have_at_most_255_bytes() =>
        Assert.Throws<OverflowException>(
            () => PhoenixMessage.Encode("1", "1", new string('t', 256), "said", Array.Empty<byte>()));
}
