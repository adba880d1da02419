using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Wire;

public sealed class WebSocketFrameTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(200_000)]
    public async Task Client_reads_payloads_of_any_length(int length)
    {
        var payload = Enumerable.Range(0, length).Select(i => (byte)('a' + (i % 26))).ToArray();
        foreach (var binary in new[] { false, true })
        {
            var half = length / 2;
            var framed = WebSocketFrame.Of(payload.AsSpan(0, half), payload.AsSpan(half), binary, out var header);
            Assert.Equal(payload, framed[header..]);
            using var client = WebSocket.CreateFromStream(new MemoryStream(framed), new WebSocketCreationOptions());
            var got = new byte[length + 1];
            var read = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                result = await client.ReceiveAsync(got.AsMemory(read), CancellationToken.None);
                read += result.Count;
            }
            while (!result.EndOfMessage);

            Assert.Equal(binary ? WebSocketMessageType.Binary : WebSocketMessageType.Text, result.MessageType);
            Assert.True(payload.AsSpan().SequenceEqual(got.AsSpan(0, read)));
        }
    }

    [Fact]
    public void Broadcast_contains_the_WebSocket_frame_and_the_plain_payload()
    {
        var frame = new EncodedBroadcast("t", "e", ChannelPayload.Empty).For(FrameSerializers.Find("2.0.0")!);
        Assert.Equal("""[null,null,"t","e",{}]""", frame.ToString());
        Assert.Equal(frame.Head.ToArray(), frame.OnWebSocket[2..].ToArray());
    }
}
